"""The supervisor with real Valkey and Envoy, and stand-ins for the services."""

import json
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.files import local_addresses
from tests.edge.supervised_run import (
    DEADLINE_S,
    SupervisedRun,
    alive,
    children,
    descendants,
    ended,
    until,
)
from tests.processes import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[SupervisedRun]:
    with ended(SupervisedRun(tmp_path, port)) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_starts_and_stops_in_order(running: SupervisedRun, number: signal.Signals) -> None:
    until(lambda: running.said("Aviary is ready"))
    assert running.health() == 200
    pids = children(running.process.pid)
    assert len(pids) == len(DEFAULT_ADDRESSES) + 3  # two Valkeys and Envoy
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
    assert running.process.wait(DEADLINE_S) == 0
    assert not any(map(alive, pids))
    assert (running.data / "logs" / "tweet.log").exists()
    assert local_addresses.found(running.data) is None
    assert not (running.data / TARGETS_FILE).exists()


class Asked:
    """A request that is under way at the edge, to a service that hangs."""

    def __init__(self, running: SupervisedRun) -> None:
        self.answer: httpx.Response | httpx.TransportError | None = None
        self._url = f"http://127.0.0.1:{running.port}/v1/tweets/1"
        transport = httpx.HTTPTransport(uds=str(running.sockets / "edge.admin"))
        with httpx.Client(transport=transport, base_url="http://edge") as admin:
            before = self._seen(admin)
            self._thread = threading.Thread(target=self._ask)
            self._thread.start()
            until(lambda: self._seen(admin) > before)

    def _seen(self, admin: httpx.Client) -> int:
        name = "http.edge.downstream_rq_active"
        stats = admin.get("/stats", params={"filter": f"^{name}$"}).text
        return int(stats.rpartition(" ")[2])

    def _ask(self) -> None:
        try:
            self.answer = httpx.get(self._url, timeout=60)
        except httpx.TransportError as error:
            self.answer = error

    def end(self) -> httpx.Response | httpx.TransportError | None:
        self._thread.join(60)
        return self.answer


@pytest.fixture
def reading(tmp_path: Path, port: int) -> Iterator[SupervisedRun]:
    """One that lets everybody read, so that a request goes past the edge without a token."""
    with ended(SupervisedRun(tmp_path, port, AVIARY_PUBLIC_READS="on")) as running:
        until(lambda: running.said("Aviary is ready"))
        yield running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_under_way_is_answered_before_the_edge_stops(
    reading: SupervisedRun, number: signal.Signals
) -> None:
    tweet = int((reading.data / "tweet.pid").read_text())
    os.kill(tweet, signal.SIGSTOP)
    asked = Asked(reading)
    reading.process.send_signal(number)
    until(lambda: reading.said("stopping"))
    os.kill(tweet, signal.SIGCONT)
    # The stand-in knows no such call, and says so.
    answer = asked.end()
    assert isinstance(answer, httpx.Response), answer
    assert answer.status_code == 501
    assert reading.process.wait(DEADLINE_S) == 0


def test_a_second_signal_waits_for_no_call(reading: SupervisedRun) -> None:
    tweet = int((reading.data / "tweet.pid").read_text())
    os.kill(tweet, signal.SIGSTOP)
    asked = Asked(reading)
    pids = descendants(reading.process.pid)
    reading.process.send_signal(signal.SIGINT)
    until(lambda: reading.said("stopping"))
    reading.process.send_signal(signal.SIGINT)
    # The edge would have waited for it, and answered 504 in the end.
    assert isinstance(asked.end(), httpx.TransportError)
    assert reading.process.wait(DEADLINE_S) == 0
    assert reading.said("tweet did not stop in time")
    assert not any(map(alive, pids))


def test_sidecars_start_and_stop_with_their_services(tmp_path: Path, port: int) -> None:
    with ended(SupervisedRun(tmp_path, port, sidecars=True)) as running:
        until(lambda: running.said("Aviary is ready"))
        assert running.health() == 200
        pids = descendants(running.process.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
        # Each Envoy, and the program that drains it.
        wanted = 2 * len(DEFAULT_ADDRESSES)
        assert sum(b"data/sidecars/" in command for command in commands) == wanted
        # What is believed comes by sockets that nobody else can open, and by no port.
        sockets = {path.name: path for path in running.sockets.iterdir()}
        ends = {f"{name}.{end}" for name in DEFAULT_ADDRESSES for end in ("in", "admin")}
        assert ends | {"edge.admin", "tweet.out"} <= set(sockets)
        assert all(path.stat().st_mode & 0o077 == 0 for path in sockets.values())
        os.kill(int((running.data / "tweet.pid").read_text()), signal.SIGKILL)
        until(lambda: running.said("tweet ended with code"))
        until(lambda: running.health() == 200)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(DEADLINE_S) == 0
        assert not any(map(alive, pids))


def test_sidecars_die_with_a_killed_parent(tmp_path: Path, port: int) -> None:
    with ended(SupervisedRun(tmp_path, port, sidecars=True)) as running:
        until(lambda: running.said("Aviary is ready"))
        pids = descendants(running.process.pid)
        running.process.kill()
        running.process.wait(10)
        until(lambda: not any(map(alive, pids)))


def test_plaintext_where_it_is_asked_for(tmp_path: Path, port: int) -> None:
    with ended(SupervisedRun(tmp_path, port, AVIARY_TLS="off")) as running:
        until(lambda: running.said("Aviary is ready"))
        assert running.said("in plaintext")
        assert not (running.data / "certificates").exists()


def test_ready_is_said_once_the_edge_reaches_all(tmp_path: Path, port: int) -> None:
    """A service that was late for the edge's first look gets calls from its next look on."""
    with ended(SupervisedRun(tmp_path, port, STAND_IN_UNWELL="identity")) as running:
        until(lambda: running.said("Aviary is ready"))
        before, _, _ = running.output.read_text().partition("Aviary is ready")
        assert "the edge does not reach identity_keys yet" in before


def test_a_dead_service_comes_back(running: SupervisedRun) -> None:
    until(lambda: running.said("Aviary is ready"))
    pid_file = running.data / "tweet.pid"
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    until(lambda: running.said("tweet ended with code"))
    until(lambda: pid_file.read_text() not in {"", str(first)})
    until(lambda: running.health() == 200)


def test_children_die_with_a_killed_parent(running: SupervisedRun) -> None:
    until(lambda: running.said("Aviary is ready"))
    pids = children(running.process.pid)
    running.process.kill()
    running.process.wait(10)
    until(lambda: not any(map(alive, pids)))


def test_commands_of_the_greeting_can_be_pasted(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "my birds"
    folder.mkdir()
    with ended(SupervisedRun(folder, port)) as running:
        until(lambda: running.said("http://edge/stats"))
        lines = running.output.read_text().splitlines()
        commands = dict(line.split(maxsplit=1) for line in lines if line.startswith("  "))
        python, *token = shlex.split(commands["token"])
        assert python == str(folder / "python")
        assert token[:5] == ["-m", "services", "token", "--user", "HANDLE"]
        assert token[5:] == ["--data-dir", str(running.data)]
        assert len(shlex.split(commands["admin"])) == 4
