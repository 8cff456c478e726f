"""An Envoy behind `gateway.draining_envoy` opens its logs anew when it is asked to."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from services.local.logs import LogLimits, rotate_beneath
from tests.processes import free_port, kill_group

WAIT_S = 60.0  # Envoy writes what it has every ten seconds
LOGGER = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def config(port: int, log: Path) -> str:
    manager = {
        "@type": MANAGER,
        "stat_prefix": "inbound",
        "access_log": [{"name": "file", "typed_config": {"@type": LOGGER, "path": str(log)}}],
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    at = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    listener = {"name": "inbound", "address": at, "filter_chains": [chain]}
    admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
    return json.dumps({"admin": admin, "static_resources": {"listeners": [listener]}})


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def asked(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}").is_success
    except httpx.TransportError:
        return False


def test_what_comes_after_is_in_the_new_file(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "access.log"
    file = tmp_path / "envoy.json"
    file.write_text(config(port, log))
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.draining_envoy", str(file)], start_new_session=True
    )
    try:
        until(lambda: asked(port, "/before"))
        until(lambda: "/before" in log.read_text())
        assert rotate_beneath(log, LogLimits(file_bytes=1))
        process.send_signal(signal.SIGUSR1)
        until(lambda: asked(port, "/after") and "/after" in log.read_text())
        assert "/before" in (tmp_path / "access.log.1").read_text()
        process.terminate()
        assert process.wait(WAIT_S) == 0
    finally:
        kill_group(process)
