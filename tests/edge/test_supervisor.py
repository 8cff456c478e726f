"""The supervisor with real Valkey and Envoy, and stand-ins for the services."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.files import local_addresses
from tests.emulators import require_emulators

STAND_IN = Path(__file__).with_name("stand_in_service.py")
ROOT = STAND_IN.parents[2]
DEADLINE_S = 100.0  # a busy machine; below what a test may take


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def running_among(pids: list[int], word: bytes) -> int:
    (pid,) = (pid for pid in pids if word in Path(f"/proc/{pid}/cmdline").read_bytes())
    return pid


class Running:
    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        emulators: bool = False,
        sidecars: bool = False,
        before: str = "",
        **env: str,
    ) -> None:
        self.data = folder / "data"
        self.port = port
        self.output = folder / "output"
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$3"\n')
        python.chmod(0o755)
        code = (
            f"import sys, pathlib, services.local.supervisor as s\n{before}\n"
            f"sys.exit(s.run(pathlib.Path({str(self.data)!r}), {port}, {str(python)!r}, "
            f"emulators={emulators}, sidecars={sidecars}))"
        )
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", code],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **env},
                stdout=output,
                stderr=output,
            )

    def health(self) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code
        except httpx.TransportError:
            return 0

    def said(self, text: str) -> bool:
        assert self.process.poll() is None or text in self.output.read_text()
        return text in self.output.read_text()


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def ended(running: Running) -> Iterator[Running]:
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.wait(30)


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[Running]:
    with ended(Running(tmp_path, port)) as running:
        yield running


@pytest.fixture
def emulated(tmp_path: Path, port: int) -> Iterator[Running]:
    require_emulators()
    with ended(Running(tmp_path, port, emulators=True)) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_starts_and_stops_in_order(running: Running, number: signal.Signals) -> None:
    until(lambda: running.said("Aviary is ready"))
    assert running.health() == 200
    pids = children(running.process.pid)
    assert len(pids) == 11
    addresses = local_addresses.found(running.data)
    assert addresses is not None
    assert addresses.keys() == DEFAULT_ADDRESSES.keys()
    targets = json.loads((running.data / TARGETS_FILE).read_text())
    scraped = {each["labels"]["job"]: each["targets"][0] for each in targets}
    assert scraped.keys() == {*DEFAULT_ADDRESSES, "edge"}
    assert "envoy_server_live{} 1" in httpx.get(f"http://{scraped['edge']}/metrics").text
    # Admin can do harm, so nothing else of it is to be had.
    for path in ("/", "/stats", "/config_dump", "/metrics/x", "/quitquitquit"):
        assert httpx.post(f"http://{scraped['edge']}{path}").status_code == 404
        assert httpx.get(f"http://{scraped['edge']}{path}").status_code == 404
    running.process.send_signal(number)
    assert running.process.wait(30) == 0
    assert not any(map(alive, pids))
    assert (running.data / "logs" / "tweet.log").exists()
    assert local_addresses.found(running.data) is None
    assert not (running.data / TARGETS_FILE).exists()


def test_sidecars_start_and_stop_with_their_services(tmp_path: Path, port: int) -> None:
    with ended(Running(tmp_path, port, sidecars=True)) as running:
        until(lambda: running.said("Aviary is ready"))
        assert running.health() == 200
        pids = descendants(running.process.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
        # Each Envoy, and the program that drains it.
        wanted = 2 * len(DEFAULT_ADDRESSES)
        assert sum(b"data/sidecars/" in command for command in commands) == wanted
        # What is believed comes by sockets that nobody else can open, and by no port.
        sockets = {path.name: path for path in (running.data / "sockets").iterdir()}
        ends = {f"{name}.{end}" for name in DEFAULT_ADDRESSES for end in ("in", "admin")}
        assert ends | {"edge.admin", "tweet.out"} <= set(sockets)
        assert all(path.stat().st_mode & 0o077 == 0 for path in sockets.values())
        os.kill(int((running.data / "tweet.pid").read_text()), signal.SIGKILL)
        until(lambda: running.said("tweet ended with code"))
        until(lambda: running.health() == 200)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        assert not any(map(alive, pids))


def test_sidecars_die_with_a_killed_parent(tmp_path: Path, port: int) -> None:
    with ended(Running(tmp_path, port, sidecars=True)) as running:
        until(lambda: running.said("Aviary is ready"))
        pids = descendants(running.process.pid)
        running.process.kill()
        running.process.wait(10)
        until(lambda: not any(map(alive, pids)))


def test_sidecars_need_certificates(tmp_path: Path, port: int) -> None:
    running = Running(tmp_path, port, sidecars=True, AVIARY_TLS="off")
    assert running.process.wait(30) == 1
    assert "Aviary cannot start: sidecars talk by certificates" in running.output.read_text()


def test_plaintext_where_it_is_asked_for(tmp_path: Path, port: int) -> None:
    with ended(Running(tmp_path, port, AVIARY_TLS="off")) as running:
        until(lambda: running.said("Aviary is ready"))
        assert running.said("in plaintext")
        assert not (running.data / "certificates").exists()


def test_certificates_of_no_use_are_told(tmp_path: Path, port: int) -> None:
    (tmp_path / "data" / "certificates").mkdir(parents=True)
    (tmp_path / "data" / "certificates" / "ca.key").write_text("?")
    running = Running(tmp_path, port)
    assert running.process.wait(30) == 1
    assert "Aviary cannot start: no certificates" in running.output.read_text()


def test_a_dead_service_comes_back(running: Running) -> None:
    until(lambda: running.said("Aviary is ready"))
    pid_file = running.data / "tweet.pid"
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    until(lambda: running.said("tweet ended with code"))
    until(lambda: pid_file.read_text() not in {"", str(first)})
    until(lambda: running.health() == 200)


def test_children_die_with_a_killed_parent(running: Running) -> None:
    until(lambda: running.said("Aviary is ready"))
    pids = children(running.process.pid)
    running.process.kill()
    running.process.wait(10)
    until(lambda: not any(map(alive, pids)))


def test_commands_of_the_greeting_can_be_pasted(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "my birds"
    folder.mkdir()
    with ended(Running(folder, port)) as running:
        until(lambda: running.said("http://edge/stats"))
        lines = running.output.read_text().splitlines()
        commands = dict(line.split(maxsplit=1) for line in lines if line.startswith("  "))
        python, *token = shlex.split(commands["token"])
        assert python == str(folder / "python")
        assert token[:5] == ["-m", "services", "token", "--user", "HANDLE"]
        assert token[5:] == ["--data-dir", str(running.data)]
        assert len(shlex.split(commands["admin"])) == 4


def test_a_taken_edge_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = Running(tmp_path, int(taken.getsockname()[1]))
        assert running.process.wait(30) == 1
    assert f"edge port {running.port}" in running.output.read_text()


def test_bad_settings_of_the_edge_are_told(tmp_path: Path, port: int) -> None:
    for name, value in (("AVIARY_TRUSTED_ISSUERS", "/nowhere"), ("AVIARY_PUBLIC_READS", "maybe")):
        running = Running(tmp_path, port, **{name: value})
        assert running.process.wait(30) == 1
        said = running.output.read_text()
        assert "Aviary cannot start" in said
        assert value in said
        assert "Traceback" not in said


def test_emulators_end_with_a_killed_parent(emulated: Running) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    assert emulated.said("in memory")
    pids = descendants(emulated.process.pid)
    # Java ignores nothing, but only gets what its own process is sent.
    for word in (b"cbtemulator", b"cloud-pubsub-emulator"):
        assert alive(running_among(pids, word))
    emulated.process.kill()
    emulated.process.wait(10)
    until(lambda: not any(map(alive, pids)))


def test_emulators_end_with_the_rest(emulated: Running) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    pids = descendants(emulated.process.pid)
    emulated.process.terminate()
    assert emulated.process.wait(30) == 0
    assert not any(map(alive, pids))


def test_a_lost_emulator_ends_everything(emulated: Running) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    pids = descendants(emulated.process.pid)
    os.kill(running_among(pids, b"cbtemulator"), signal.SIGKILL)
    assert emulated.process.wait(30) == 1
    assert "Aviary cannot go on: bigtable ended with code -9" in emulated.output.read_text()
    assert not any(map(alive, pids))


def test_missing_emulators_are_told(tmp_path: Path, port: int) -> None:
    running = Running(tmp_path, port, emulators=True, AVIARY_CLOUD_SDK_ROOT=str(tmp_path))
    assert running.process.wait(30) == 1
    assert "gcloud components install bigtable" in running.output.read_text()


def test_a_missing_sdk_is_told(tmp_path: Path, port: int) -> None:
    running = Running(tmp_path, port, emulators=True, AVIARY_CLOUD_SDK_ROOT="", PATH=str(tmp_path))
    assert running.process.wait(30) == 1
    assert "set AVIARY_CLOUD_SDK_ROOT" in running.output.read_text()


def test_missing_clients_are_told(tmp_path: Path, port: int) -> None:
    # What an interpreter without the extra says of the package.
    without = "sys.modules['google.pubsub_v1'] = None"
    running = Running(tmp_path, port, emulators=True, before=without)
    assert running.process.wait(30) == 1
    assert "pip install 'aviary[gcp]'" in running.output.read_text()
