"""One running system for all faults, and the means to make them: signals by process id."""

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as fanout
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub
from redis import Redis
from redis.exceptions import RedisError

from services.platform.outbox.keys import SWEEPS_KEY
from services.platform.specs import all_subscriptions
from services.timeline.keys import home_list_key
from tests.e2e.conftest import Mesh, start, stop

# Nobody here is a celebrity: what is tested is the pushing.
THRESHOLD = "1000000"
# What a server allows a call whose client set no deadline.
DEADLINE_S = 5.0
SETTLE_S = 60.0
ID_BYTES = 8


class Faults:
    """What can be done to a running system, and what can be seen of it from outside the API."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh

    def pid(self, name: str) -> int:
        """Process id of a service; waits for one that is being started again."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            with contextlib.suppress(KeyError, OSError):
                return self.mesh.children()[name]
            assert time.monotonic() < deadline, f"{name} is not running"
            time.sleep(0.02)

    def valkey(self, name: str) -> Redis:
        """A client of the `bus` or the `cache`."""
        self.pid("gateway")
        return self.mesh.valkey(name)

    def valkey_pid(self, name: str) -> int:
        """Process id of the `bus` or the `cache`; waits for one that is being started again."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            with contextlib.suppress(RedisError), self.valkey(name) as client:
                pid: int = client.info("server")["process_id"]
                return pid
            assert time.monotonic() < deadline, f"{name} is not running"
            time.sleep(0.02)

    @contextlib.contextmanager
    def stopped(self, *pids: int) -> Iterator[None]:
        """Processes that hang: their sockets take what is sent, and nothing answers."""
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            # The signal reaches a thread when it next runs: until then it may answer.
            until(lambda: all(map(_is_stopped, pids)))
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def locked(self, owner: str) -> Iterator[None]:
        """A database that nobody else can write."""
        path = self.mesh.data_dir / f"{owner}.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    def count(self, owner: str, table: str) -> int:
        """Cells in a table; in that of an outbox those of entries, not of who sweeps it."""
        path = self.mesh.data_dir / f"{owner}.db"
        entries = f"SELECT count(*) FROM {table} WHERE key != ?"  # noqa: S608
        with contextlib.closing(sqlite3.connect(path)) as other:
            (found,) = other.execute(entries, (SWEEPS_KEY,)).fetchone()
            return int(found)

    def hot_home(self, viewer: int) -> list[int]:
        """Ids in the viewer's hot list, without the mark of its end; none while there is none."""
        raw: list[bytes] = []
        with contextlib.suppress(RedisError), self.valkey("cache") as client:
            raw = client.lrange(home_list_key(viewer), 0, -1)
        return [i for each in raw if len(each) == ID_BYTES and (i := int.from_bytes(each, "big"))]

    def backlog(self) -> dict[str, int]:
        """Messages by subscription that are not done with, where there are any."""
        with self._fanout() as stub:
            queues = stub.GetBacklog(fanout.GetBacklogRequest(), timeout=DEADLINE_S).queues
        return {queue.subscription: queue.messages for queue in queues if queue.messages}

    def dead_letters(self) -> list[str]:
        """Reasons of all messages given up."""
        with self._fanout() as stub:
            return [
                letter.reason
                for each in all_subscriptions()
                for letter in stub.ListDeadLetters(
                    fanout.ListDeadLettersRequest(subscription=each.name), timeout=DEADLINE_S
                ).dead_letters
            ]

    @contextlib.contextmanager
    def _fanout(self) -> Iterator[FanoutServiceStub]:
        with self.mesh.sync_channel("fanout") as channel:
            yield FanoutServiceStub(channel)

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.mesh.rest.get("/healthz").status_code == httpx.codes.OK
        return False

    def is_served(self) -> bool:
        """Whether the edge reports every service as healthy."""
        with contextlib.suppress(httpx.HTTPError):
            answers = [
                self.mesh.rest.get("/v1/users/1"),
                self.mesh.rest.get("/v1/tweets/1"),
                self.mesh.rest.get("/v1/timeline/home", params={"user_id": 0}),
                self.mesh.rest.post("/v1/follow", json={}),
            ]
            return all(400 <= answer.status_code < 500 for answer in answers)
        return False

    def is_settled(self) -> bool:
        """Whether everything runs and the queues are empty."""
        with contextlib.suppress(grpc.RpcError):
            return self.is_ready() and self.is_served() and not self.backlog()
        return False


def _is_stopped(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)


def until(holds: Callable[[], bool], within_s: float = SETTLE_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer than this."""
    began = time.monotonic()
    yield
    took_s = time.monotonic() - began
    assert took_s < seconds, f"took {took_s:.2f} s, want less than {seconds} s"


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = start(tmp_path_factory.mktemp("chaos") / "data", AVIARY_CELEBRITY_THRESHOLD=THRESHOLD)
    yield mesh
    assert stop(mesh) == 0


@pytest.fixture
def faults(running: Mesh) -> Iterator[Faults]:
    """A settled system; afterwards it must settle again by itself, with nothing given up."""
    faults = Faults(running)
    until(faults.is_settled)
    yield faults
    until(faults.is_settled)
    assert faults.dead_letters() == []
