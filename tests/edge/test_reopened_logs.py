"""An Envoy behind `gateway.draining_envoy` opens its logs anew when it is asked to."""

import signal
from pathlib import Path

from services.local.logs import LogLimits, rotate_beneath
from tests.edge.bare_envoy import WAIT_S, BareEnvoy
from tests.edge.supervised_run import until
from tests.processes import kill_group


def test_what_comes_after_is_in_the_new_file(tmp_path: Path) -> None:
    envoy = BareEnvoy(tmp_path)
    envoy.configure()
    process = envoy.start()
    try:
        assert envoy.ask("/before") is not None
        until(lambda: "/before" in envoy.log.read_text())
        assert rotate_beneath(envoy.log, LogLimits(file_bytes=1))
        process.send_signal(signal.SIGUSR1)

        def is_logged() -> bool:
            return envoy.ask("/after") is not None and "/after" in envoy.log.read_text()

        until(is_logged)
        assert "/before" in (tmp_path / "access.log.1").read_text()
        process.terminate()
        assert process.wait(WAIT_S) == 0
    finally:
        kill_group(process)
