"""An Envoy takes the place of another: no connection is refused, and no call cut off."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gateway.envoy_processes import BASE_ID, SHARED_MEMORY, SOCKETS
from tests.edge.bare_envoy import WAIT_S, BareEnvoy
from tests.edge.supervised_run import until
from tests.processes import children, kill_group

CALLERS = 4
ASKED = 50  # of each caller, before all is well
TIMES = 2


class Envoy(BareEnvoy):
    """One that can be replaced."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # Longer than the path of a socket may be.
        self.sockets = folder / ("sockets" * 20)
        self.sockets.mkdir()

    @contextmanager
    def running(self, *, drain_s: float = 1) -> Iterator[subprocess.Popen[bytes]]:
        process = self.start("--hot-restart", str(self.sockets), "--drain-s", f"{drain_s:.0f}")
        try:
            yield process
        finally:
            kill_group(process)

    def shared_memory(self) -> Path:
        return Path(SHARED_MEMORY.format((self.sockets / BASE_ID).read_text().strip()))

    def replaced(self, process: subprocess.Popen[bytes], *, answers: str) -> bool:
        """Whether one Envoy is left, and answers so."""
        return self.ask("/") == answers and len(children(process.pid)) == 1


@pytest.fixture
def envoy(tmp_path: Path) -> Envoy:
    made = Envoy(tmp_path)
    made.configure("0")
    return made


class Callers:
    """Ask all the time: each by a connection of its own, or a new one for each request."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._ended = threading.Event()
        self.answers = [0] * CALLERS
        self.failed: list[str] = []

    def ask(self, number: int) -> None:
        with httpx.Client() as kept:
            ask = kept.get if number % 2 else httpx.get
            while not self._ended.is_set():
                try:
                    answer = ask(self._url, timeout=WAIT_S)
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    return
                if answer.is_success:
                    self.answers[number] += 1
                else:
                    self.failed.append(answer.text)

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(CALLERS) as pool:
            running = [pool.submit(self.ask, number) for number in range(CALLERS)]
            try:
                yield
            finally:
                self._ended.set()
            for each in running:
                each.result()

    def go_on(self) -> None:
        before = list(self.answers)
        until(lambda: all(n >= b + ASKED for n, b in zip(self.answers, before, strict=True)))


def test_no_request_fails_while_it_is_replaced_and_the_new_one_has_the_new_configuration(
    envoy: Envoy,
) -> None:
    callers = Callers(envoy.port)
    with envoy.running() as process, callers.asking():
        callers.go_on()
        for time in range(1, TIMES + 1):
            envoy.configure(str(time))
            process.send_signal(signal.SIGUSR2)
            until(lambda time=time: envoy.replaced(process, answers=str(time)))
            callers.go_on()
    assert callers.failed == []


def test_what_is_under_way_ends(envoy: Envoy) -> None:
    begun, answered = threading.Event(), threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begun.set()
            answered.wait(WAIT_S)
            self.send_response(200)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"done")

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server, ThreadPoolExecutor(2) as pool:
        pool.submit(server.serve_forever)
        try:
            envoy.configure("0", behind=server.server_port)
            with envoy.running(drain_s=WAIT_S) as process:
                asked = pool.submit(envoy.ask, "/behind")
                assert begun.wait(WAIT_S)
                envoy.configure("1", behind=server.server_port)
                process.send_signal(signal.SIGUSR2)
                until(lambda: envoy.ask("/") == "1")
                answered.set()
                assert asked.result() == "done"
        finally:
            answered.set()
            server.shutdown()


def test_it_stays_where_the_new_configuration_is_none(envoy: Envoy) -> None:
    with envoy.running() as process:
        envoy.config.write_text("{")
        process.send_signal(signal.SIGUSR2)
        until(lambda: "nothing takes this Envoy's place" in envoy.said.read_text())
        assert envoy.replaced(process, answers="0")
        envoy.configure("1")
        process.send_signal(signal.SIGUSR2)
        until(lambda: envoy.replaced(process, answers="1"))


def test_it_stays_where_it_was_told_no_folder(envoy: Envoy) -> None:
    process = envoy.start()
    try:
        process.send_signal(signal.SIGUSR2)
        until(lambda: "--hot-restart" in envoy.said.read_text())
        assert envoy.replaced(process, answers="0")
    finally:
        kill_group(process)


def test_nothing_is_left_of_one_that_ended_nor_of_one_that_was_killed(envoy: Envoy) -> None:
    with envoy.running():
        killed = envoy.shared_memory()
        assert killed.exists()
        assert list(envoy.sockets.glob(f"{SOCKETS}_*"))
    assert killed.exists()
    with envoy.running() as process:
        assert not killed.exists()
        ended = envoy.shared_memory()
        assert ended.exists()
        process.terminate()
        assert process.wait(WAIT_S) == 0
    assert not ended.exists()
    assert list(envoy.sockets.iterdir()) == []
