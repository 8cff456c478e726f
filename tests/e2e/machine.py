"""One machine in place of a network of containers or pods: a port for each of theirs."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway.envoy_binary import envoy_binary
from services.local.emulators import bigtable_argv, pubsub_argv, sdk_root
from tests.contract.valkey_servers import valkey_node
from tests.e2e.acting import eventually
from tests.processes import free_port, kill_group
from tools.deploy.engines import ENGINES
from tools.deploy.layout import GENERATED, METRICS_PORT, ROOT, STATS_PORT

WAIT_S = 90  # for a dozen processes that start together
ADDRESS = re.compile(r"([a-z0-9.]+):(\d+)")
OWN = {"0.0.0.0", "127.0.0.1"}  # noqa: S104 - what a container calls itself


class Machine:
    """Starts what is meant for containers, with addresses and `paths` of theirs made its own."""

    def __init__(self, folder: Path, stack: ExitStack, paths: Mapping[str, Path]) -> None:
        self.folder = folder
        self.stack = stack
        self._paths = {**paths, GENERATED: ROOT / "gen"}
        self._ports: dict[tuple[str, int], int] = {}

    def port(self, container: str, port: int) -> int:
        return self._ports.setdefault((container, port), free_port())

    def path(self, text: str) -> str:
        for theirs, ours in self._paths.items():
            text = text.replace(theirs, str(ours))
        return text

    def environment(self, container: str, variables: Mapping[str, str]) -> dict[str, str]:
        def here(match: re.Match[str]) -> str:
            host = container if match[1] in OWN else match[1]
            return f"127.0.0.1:{self.port(host, int(match[2]))}"

        env = {
            # The issuer's name is no address to dial.
            name: value if name == "AVIARY_ISSUER_URL" else self.path(ADDRESS.sub(here, value))
            for name, value in variables.items()
        }
        return {"PATH": os.environ["PATH"], **env}

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        log = self.stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            argv, env=env, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
        )
        self.stack.callback(kill_group, process)

    def start_engines(self) -> None:
        emulators = {"bigtable": bigtable_argv, "pubsub": pubsub_argv}
        for each in ENGINES:
            if each.name in emulators:
                argv = emulators[each.name](sdk_root(), self.port(each.name, each.port))
                self.start(each.name, argv)
            else:
                node = self.stack.enter_context(valkey_node(self.folder))
                self._ports[each.name, each.port] = node

    def start_envoy(self, container: str, config: str, name: str) -> None:
        """Start one that has this configuration, in the container of this name."""
        bootstrap = yaml.load(config, yaml.CSafeLoader)
        for node in _nodes(bootstrap):
            if "port_value" in node:
                host = container if node["address"] in OWN else node["address"]
                node |= {"address": "127.0.0.1", "port_value": self.port(host, node["port_value"])}
            if "pipe" in node:
                socket = Path(node["pipe"]["path"]).name.removeprefix("admin")
                node["pipe"]["path"] = str(self.folder / f"{name}{socket}")
        file = self.folder / f"{name}.yaml"
        file.write_text(self.path(yaml.dump(bootstrap, Dumper=yaml.CSafeDumper)))
        one = ["--disable-hot-restart", "--concurrency", "1"]
        self.start(name, [str(envoy_binary()), "-c", str(file), *one])

    def client(self) -> httpx.Client:
        at = f"http://127.0.0.1:{self.port('edge', 8080)}"
        return self.stack.enter_context(httpx.Client(base_url=at))

    def expect_whole(self, services: Sequence[str]) -> None:
        """Ask the edge for everything behind it, and everybody for their metrics."""
        rest = self.client()
        eventually(lambda: _status(rest, "/healthz"), 200, WAIT_S)
        # The issuer's listener is not behind gRPC, and the edge has its keys from there.
        eventually(lambda: _status(rest, "/oauth/jwks"), 200, WAIT_S)
        eventually(lambda: _status(rest, "/v1/timeline/home"), 401, WAIT_S)
        for name, port in {**dict.fromkeys(services, METRICS_PORT), "edge": STATS_PORT}.items():
            variables = httpx.get(f"http://127.0.0.1:{self.port(name, port)}/metrics")
            assert variables.status_code == 200, name


def _status(rest: httpx.Client, path: str) -> int | None:
    try:
        return rest.get(path).status_code
    except httpx.TransportError:
        return None


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    parts: Sequence[object] = []
    if isinstance(value, dict | list):
        parts = list(value.values()) if isinstance(value, dict) else value
    for part in parts:
        yield from _nodes(part)
