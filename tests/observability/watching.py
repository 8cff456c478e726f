"""A real Prometheus beside a real Aviary under load, for tests of what it sees."""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.local.scrape_targets import TARGETS_FILE
from tests.e2e.acting import follow, user
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.live_stream import ask
from tests.e2e.runbooks import Reader
from tests.processes import free_port, kill_group, spawn
from tools.observability.__main__ import RULES, run_prometheus_argv

WITHIN_S = 90.0
POLL_S = 0.5
INTERVAL = "1s"
PACE_S = 0.05


class Prometheus:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(path, params=parameters)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    def values(self, query: str) -> list[float]:
        """Of an instant query, but for those that are no number."""
        data = self.get("/query", query=query)
        samples = [data] if data["resultType"] == "scalar" else data["result"]
        raw = [each[1] if data["resultType"] == "scalar" else each["value"][1] for each in samples]
        return [value for value in map(float, raw) if not math.isnan(value)]


class Load:
    """Reads, posts and follows until stopped; what fails is what the test has broken."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._client = httpx.Client(base_url=mesh.rest.base_url, auth=mesh.rest.auth, timeout=10)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._run, self._listen)
        ]
        self.statuses: set[int] = set()
        # One who is followed by few, one by more than the threshold of the tests' systems.
        self.author, self.celebrity = user(mesh), user(mesh)
        self.readers = [user(mesh) for _ in range(4)]
        for reader in self.readers:
            follow(mesh, reader, self.celebrity)
        for reader in self.readers[:2]:
            follow(mesh, reader, self.author)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for author in (self.author, self.celebrity):
                made = self._note("POST", "/v1/tweets", json={"user_id": author, "text": "hello"})
                if made is not None and made.is_success:
                    like = {"user_id": self.readers[0], "tweet_id": made.json()["tweet_id"]}
                    self._note("POST", "/v1/like", json=like)
            for reader in self.readers:
                self._note("GET", "/v1/timeline/home", params={"user_id": reader})
            self._note("GET", "/v1/timeline/user", params={"user_id": self.author})
            self._note("GET", "/v1/tweets/1")
            # The machine has other work too.
            self._stopping.wait(PACE_S)

    def _note(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        with contextlib.suppress(httpx.TransportError):
            answer = self._client.request(method, path, **arguments)
            self.statuses.add(answer.status_code)
            return answer
        return None

    def _listen(self) -> None:
        """Stream the home of one reader, again whenever that ends."""
        asked = ask(self.readers[0])
        while not self._stopping.is_set():
            with (
                contextlib.suppress(httpx.HTTPError),
                self._mesh.rest.stream("GET", "/v1/stream/home", **asked) as answer,
            ):
                for _ in answer.iter_text():
                    if self._stopping.is_set():
                        break
            self._stopping.wait(POLL_S)


@dataclass(frozen=True, slots=True)
class Watched:
    """A system under load, and what watches it."""

    mesh: Mesh
    prometheus: Prometheus
    load: Load
    flags: Path
    """The file of flags."""

    def runbook(self, name: str) -> Reader:
        """Give one to follow, where the system runs."""
        return Reader(name, self.mesh.data_dir.parent, self.mesh.rest.base_url.port or 80)


@contextmanager
def watching(
    folder: Path,
    rules: Path = RULES,
    data_folder: Path | None = None,
    *,
    liveness: str = "off",
) -> Iterator[Watched]:
    """A system under load, and a Prometheus with these rules, which keeps its own in `folder`.

    The data are in `data_folder`, or in `folder` too. Services write their logs themselves, as in
    containers. What hangs is left so, unless `liveness` is `on`: most alerts are of what lasts.
    """
    data_dir, flags = (data_folder or folder) / ".data", folder / "flags.yaml"
    flags.write_text("{}")
    blocked = folder / "blocked-urls"
    blocked.write_text("blocked.example\n")
    mesh = start(
        data_dir,
        python=_printing(folder, data_dir),
        AVIARY_LIVENESS=liveness,
        AVIARY_FLAGS_FILE=str(flags),
        AVIARY_TWEET_BLOCKED_URLS_FILE=str(blocked),
    )
    try:
        port, own = free_port(), folder / "prometheus"
        own.mkdir()
        (own / TARGETS_FILE.name).symlink_to(data_dir / TARGETS_FILE)
        prometheus = spawn(run_prometheus_argv(own, port, INTERVAL, rules))
        try:
            load = Load(mesh)
            load.start()
            try:
                until(lambda: _answers(port))
                with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
                    yield Watched(mesh, Prometheus(client), load, flags)
            finally:
                load.stop()
        finally:
            kill_group(prometheus)
    finally:
        assert stop(mesh) == 0


def _printing(folder: Path, data_dir: Path) -> Path:
    """A Python whose services print into their log, past the supervisor, who else writes it."""
    python = folder / "python"
    log = f"{data_dir}/logs/$3.log"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@" >>"{log}" 2>&1\n')
    python.chmod(0o755)
    return python


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == httpx.codes.OK
    return False


def until(
    condition: Callable[[], bool],
    within_s: float = WITHIN_S,
    say: Callable[[], object] = lambda: "not in time",
) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(POLL_S)
