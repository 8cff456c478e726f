"""An Envoy that answers by itself, run as the edge is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.edge.supervised_run import until
from tests.processes import free_port, kill_group

WAIT_S = 60.0  # Envoy writes what it has every ten seconds
LOGGER = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
BEHIND = "behind"


class BareEnvoy:
    """Says `words` to all requests but those to `/behind`, which go to that port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "access.log"
        self.said = folder / "envoy.log"
        self.config = folder / "envoy.json"

    def configure(self, words: str = "", behind: int = 0) -> None:
        self.config.write_text(json.dumps(self._configured(words, behind)))

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        with self.said.open("ab") as log:
            command = [sys.executable, "-m", "gateway.draining_envoy", str(self.config)]
            process = subprocess.Popen([*command, *options], stderr=log, start_new_session=True)
        try:
            until(lambda: self.ask("/") is not None)
        except BaseException:
            kill_group(process)
            raise
        return process

    def ask(self, path: str) -> str | None:
        """What it says, None where it does not."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S)
        except httpx.TransportError:
            return None
        return answer.text if answer.is_success else None

    def _configured(self, words: str, behind: int) -> dict[str, Any]:
        said = {"status": 200, "body": {"inline_string": words}} if words else {"status": 200}
        onward = {"cluster": BEHIND, "timeout": f"{WAIT_S}s"}
        routes = [
            {"match": {"prefix": f"/{BEHIND}"}, "route": onward},
            {"match": {"prefix": "/"}, "direct_response": said},
        ]
        hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
        logger = {"@type": LOGGER, "path": str(self.log)}
        manager = {
            "@type": MANAGER,
            "stat_prefix": "inbound",
            "access_log": [{"name": "file", "typed_config": logger}],
            "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
            "route_config": {"virtual_hosts": hosts},
        }
        chain = {"filters": [{"name": "http", "typed_config": manager}]}
        listener = {"name": "inbound", "address": _at(self.port), "filter_chains": [chain]}
        admin = {"address": {"pipe": {"path": str(self.folder / "admin"), "mode": 0o600}}}
        resources = {"listeners": [listener], "clusters": [_cluster(behind)]}
        return {"admin": admin, "static_resources": resources}


def _at(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(port: int) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _at(port)}}]}] if port else []
    return {
        "name": BEHIND,
        "type": "STATIC",
        "load_assignment": {"cluster_name": BEHIND, "endpoints": endpoints},
    }
