"""The compose file without containers: each process, with the environment that it is given."""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from services.platform.audit.port import EDGE_DENIED
from tests.e2e.acting import eventually
from tests.e2e.machine import WAIT_S, Machine
from tests.emulators import require_emulators
from tools.deploy.compose import COMPOSE, COMPOSE_FILE
from tools.deploy.facts import all_services

pytestmark = pytest.mark.timeout(400)
NAMES = [each.name for each in all_services()]
# Where the image has what the project installs.
SCRIPTS = Path(sys.executable).parent


def test_every_process_runs_in_its_containers_environment(tmp_path: Path) -> None:
    require_emulators()
    containers = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    for name in ("keys", "data", "denials"):
        (tmp_path / name).mkdir()
    paths = {"/var/lib/aviary": tmp_path, "/etc/aviary/flags": COMPOSE / "flags"}
    with ExitStack() as stack:
        machine = Machine(tmp_path, stack, paths)
        for name in ("certs", "keys"):
            container = containers[name]
            program, *words = [*container.get("entrypoint", ["aviary"]), *container["command"]]
            here = [machine.path(word) for word in words]
            subprocess.run([SCRIPTS / program, *here], check=True, capture_output=True)
        machine.start_engines()
        environments = {}
        for name in NAMES:
            # Variables that nobody has set.
            variables = {
                variable: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
                for variable, value in containers[name]["environment"].items()
            }
            # The image's own.
            variables |= {"AVIARY_DATA_DIR": "/var/lib/aviary/data"}
            environments[name] = machine.environment(name, variables)
            argv = [str(SCRIPTS / "aviary"), *containers[name]["command"]]
            machine.start(name, argv, environments[name])
        for name in NAMES:
            _, probe = containers[name]["healthcheck"]["test"]
            check = [SCRIPTS / probe]

            def healthy(check=check, env=environments[name]) -> bool:
                return not subprocess.run(
                    check, env=env, check=False, capture_output=True
                ).returncode

            eventually(healthy, expected=True, within_s=WAIT_S)
        machine.start_envoy("edge", (COMPOSE / "envoy.yaml").read_text(), "edge")
        machine.expect_whole(NAMES)
        # What the edge refused is in the audit log of the gateway, by the volume between them.
        log = tmp_path / "data" / "audit" / "gateway.log"
        eventually(
            lambda: log.exists() and EDGE_DENIED in log.read_text(), expected=True, within_s=WAIT_S
        )


def test_prometheus_asks_every_process() -> None:
    targets = yaml.safe_load((COMPOSE / "targets.json").read_text())
    assert {each["labels"]["job"] for each in targets} == {*NAMES, "edge"}
    for each in targets:
        (address,) = each["targets"]
        assert address.startswith(each["labels"]["job"] + ":")
