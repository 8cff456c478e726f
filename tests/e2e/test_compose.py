"""The compose file without containers: each process, with the environment that it is given."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway.envoy_binary import envoy_binary
from services.supervisor.emulators import bigtable_argv, pubsub_argv, sdk_root
from tests.contract.valkey_servers import valkey_node
from tests.e2e.acting import eventually
from tests.emulators import require_emulators
from tests.processes import free_port, kill_group
from tools.deploy.compose import COMPOSE, COMPOSE_FILE
from tools.deploy.facts import all_services
from tools.deploy.layout import GENERATED, ROOT

WAIT_S = 60
pytestmark = pytest.mark.timeout(300)
ADDRESS = re.compile(r"([a-z0-9.]+):(\d+)")
OWN = {"0.0.0.0", "127.0.0.1"}  # noqa: S104 - what a container calls itself


class Machine:
    """One machine in place of a network of containers: a port for each of theirs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.ports: dict[tuple[str, int], int] = {}
        self.services: Mapping[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]

    def port(self, container: str, port: int) -> int:
        return self.ports.setdefault((container, port), free_port())

    def environment(self, container: str) -> dict[str, str]:
        env = {}
        for name, value in self.services[container]["environment"].items():
            # A variable that nobody has set.
            told = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
            # The issuer's name is no address to dial.
            env[name] = told if name == "AVIARY_ISSUER_URL" else self._here(container, told)
        return {"PATH": os.environ["PATH"], "AVIARY_DATA_DIR": self._path("data"), **env}

    def _here(self, container: str, value: str) -> str:
        def address(match: re.Match[str]) -> str:
            host = container if match[1] in OWN else match[1]
            return f"127.0.0.1:{self.port(host, int(match[2]))}"

        return ADDRESS.sub(address, value).replace("/var/lib/aviary", str(self.folder))

    def _path(self, name: str) -> str:
        return str(self.folder / name)

    def once(self, container: str) -> None:
        """Run what ends by itself."""
        told = self.services[container]
        program = told.get("entrypoint", ["python", "-m", "services"])[1:] + told["command"]
        here = [word.replace("/var/lib/aviary", str(self.folder)) for word in program]
        subprocess.run([sys.executable, *here], check=True, capture_output=True)

    def start(self, name: str, argv: list[str], env: Mapping[str, str] | None = None) -> int:
        log = self.stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            argv, env=env, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
        )
        self.stack.callback(kill_group, process)
        return process.pid

    def edge(self) -> Path:
        config = yaml.load((COMPOSE / "envoy.yaml").read_text(), yaml.CSafeLoader)
        for node in nodes(config):
            if "port_value" in node:
                host = "edge" if node["address"] in OWN else node["address"]
                node |= {"address": "127.0.0.1", "port_value": self.port(host, node["port_value"])}
        text = yaml.dump(config, Dumper=yaml.CSafeDumper)
        text = text.replace("/var/lib/aviary", str(self.folder))
        path = self.folder / "envoy.yaml"
        path.write_text(text.replace(GENERATED, str(ROOT / "gen")))
        return path


def nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, (dict, list)):
            yield from nodes(part)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    require_emulators()
    for name in ("keys", "data", "denials"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        machine = Machine(tmp_path, stack)
        machine.once("certs")
        machine.once("keys")
        for name in ("cache", "nonces"):
            machine.ports[name, 6379] = stack.enter_context(valkey_node(tmp_path))
        machine.start("bigtable", bigtable_argv(sdk_root(), machine.port("bigtable", 8086)))
        machine.start("pubsub", pubsub_argv(sdk_root(), machine.port("pubsub", 8085)))
        yield machine


def test_every_process_runs_on_what_its_container_is_told(machine: Machine) -> None:
    env = {each.name: machine.environment(each.name) for each in all_services()}
    for name, told in env.items():
        argv = [sys.executable, "-m", "services", *machine.services[name]["command"]]
        machine.start(name, argv, told)
    for name, told in env.items():
        check = machine.services[name]["healthcheck"]["test"][1:]
        probe = [sys.executable, *check[1:]]
        eventually(
            lambda probe=probe, told=told: (
                subprocess.run(probe, env=told, check=False, capture_output=True).returncode
            ),
            0,
            WAIT_S,
        )
    machine.start("edge", [str(envoy_binary()), "-c", str(machine.edge()), "--disable-hot-restart"])
    rest = machine.stack.enter_context(
        httpx.Client(base_url=f"http://127.0.0.1:{machine.port('edge', 8080)}")
    )
    eventually(lambda: answer(rest, "/healthz"), 200, WAIT_S)
    # The edge has the issuer's keys, by the listener that is not behind gRPC.
    eventually(lambda: answer(rest, "/oauth/jwks"), 200, WAIT_S)
    assert rest.get("/v1/timeline/home").status_code == 401
    targets = yaml.safe_load((COMPOSE / "targets.json").read_text())
    assert {each["labels"]["job"] for each in targets} == {*env, "edge"}
    for target in targets:
        host, _, port = target["targets"][0].partition(":")
        scraped = httpx.get(f"http://127.0.0.1:{machine.port(host, int(port))}/metrics")
        assert scraped.status_code == 200, host
    # What the edge refused is in the audit log of the gateway, by the volume between them.
    log = machine.folder / "data" / "audit" / "gateway.log"
    eventually(
        lambda: log.exists() and "edge.denied" in log.read_text(), expected=True, within_s=WAIT_S
    )


def answer(rest: httpx.Client, path: str) -> int | None:
    try:
        return rest.get(path).status_code
    except httpx.TransportError:
        return None
