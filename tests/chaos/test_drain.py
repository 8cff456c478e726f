"""Services are stopped while clients post: a retry is all that a client notices."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Self

import httpx
import pytest

from services.platform.runtime.ending import LEAVE_S
from tests.chaos.conftest import Faults, until
from tests.e2e.acting import eventually, follow, home, user
from tests.e2e.conftest import Mesh

# The drain of a service: callers go elsewhere, calls in flight take milliseconds, a receive from
# the bus a second, and the lease of a worker number is given back.
DRAIN_S = LEAVE_S + 5.0
# The answers that ask a client to retry. Any other would blame the client.
TRANSIENT = {502, 503, 504}
SERVICES = ("tweet", "fanout", "timeline", "graph", "user", "id")


class Poster:
    """A client that posts without a pause and repeats what was not acknowledged."""

    def __init__(self, mesh: Mesh, author: int) -> None:
        self.kept: list[int] = []
        self.refused: list[str] = []
        self._mesh = mesh
        self._author = author
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            while not self._posted(f"drain{number}"):
                time.sleep(0.01)

    def _posted(self, request_id: str) -> bool:
        body = {"user_id": self._author, "text": request_id, "request_id": request_id}
        try:
            answer = self._mesh.rest.post("/v1/tweets", json=body)
        except httpx.TransportError as error:
            self.refused.append(repr(error))
            return False
        if answer.status_code == 201:
            self.kept.append(int(answer.json()["tweet_id"]))
            return True
        if answer.status_code not in TRANSIENT:
            self.refused.append(answer.text)
        return False


@pytest.mark.timeout(240)
def test_services_drain(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    with Poster(mesh, ada) as poster:
        for name in SERVICES:
            seen = len(poster.kept)
            until(lambda s=seen: len(poster.kept) > s)
            pid = faults.pid(name)
            os.kill(pid, signal.SIGTERM)
            until(lambda p=pid: not _lives(p), within_s=DRAIN_S)
            until(lambda n=name, p=pid: mesh.children().get(n, p) != p)
            until(faults.is_served)
    assert poster.refused == []
    assert len(set(poster.kept)) == len(poster.kept)
    eventually(lambda: home(mesh, bob), sorted(poster.kept, reverse=True), within_s=30)


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # Empty once it has ended and nobody has asked for its exit code.
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False
