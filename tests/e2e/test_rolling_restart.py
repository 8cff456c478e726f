"""Services are restarted process by process under load, and then the edge: no request fails."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from threading import Event
from typing import Any, Final

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.rpc.server import READY
from services.platform.specs import all_specs
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, becomes_whole, start, stop
from tests.e2e.edge_admin import edge_process
from tests.processes import children

# Of those that requests wait for; `make test-scale` restarts every process of every service.
SCALED: Final = ("engagement", "gateway", "graph", "identity", "timeline", "tweet", "user")
RESTART_S: Final = 60
CALL_S: Final = 5


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    scale = os.environ.get("AVIARY_TEST_SCALE") or ",".join(f"{each}=2" for each in SCALED)
    running = start(tmp_path_factory.mktemp("rolling") / "data", scale=scale)
    yield running
    assert stop(running) == 0


class Load:
    """Asks one thing after the other, each as often as it gets answers, and keeps what failed."""

    def __init__(self, asks: Mapping[str, Callable[[], httpx.Response]]) -> None:
        self._asks = asks
        self.ended = Event()
        self.answers: dict[str, int] = dict.fromkeys(asks, 0)
        self.failed: list[str] = []

    def run(self, name: str) -> None:
        ask = self._asks[name]
        while not self.ended.is_set():
            try:
                answer = ask()
            except httpx.TransportError as error:
                self.failed.append(f"{name}: {error!r}")
                continue
            if answer.is_success:
                self.answers[name] += 1
            else:
                self.failed.append(f"{name}: {answer.status_code} {answer.text}")

    def goes_on(self) -> None:
        """Wait until each has been answered once more."""
        before = dict(self.answers)

        def silent() -> list[str]:
            return [name for name in before if self.answers[name] == before[name]]

        eventually(lambda: silent() and self.failed, [])


def test_a_rolling_restart_fails_no_request(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    liked, posted, numbers = post(mesh, ada), list[int](), count()
    rest = mesh.rest

    def asked(path: str, **query: Any) -> Callable[[], httpx.Response]:
        return lambda: rest.get(f"/v1/{path}", params=query)

    def made() -> httpx.Response:
        answer = rest.post("/v1/tweets", json={"user_id": ada, "text": f"tweet {next(numbers)}"})
        if answer.is_success:
            posted.append(int(answer.json()["tweet_id"]))
        return answer

    followed = {"follower_id": ada, "followee_id": bob}
    load = Load(
        {
            "post": made,
            "home": asked("timeline/home", user_id=bob, limit=10),
            "timeline": asked("timeline/user", user_id=ada, limit=10),
            "tweet": asked(f"tweets/{liked}"),
            "user": asked(f"users/{ada}"),
            "followers": asked(f"users/{ada}/followers"),
            "like": lambda: rest.post("/v1/like", json={"user_id": bob, "tweet_id": liked}),
            "follow": lambda: rest.post("/v1/follow", json=followed),
            "keys": lambda: rest.get("/oauth/keys"),
        },
    )
    with ThreadPoolExecutor(len(load.answers)) as pool:
        running = [pool.submit(load.run, name) for name in load.answers]
        try:
            load.goes_on()
            for service, processes in mesh.replicas().items():
                if service not in all_specs() or len(processes) == 1:
                    continue
                for process in processes:
                    _restart(mesh, service, process)
                    load.goes_on()
            _replace_envoy(mesh)
            load.goes_on()
        finally:
            load.ended.set()
        for each in running:
            each.result()
    assert load.failed == []
    assert len(set(posted)) == len(posted)
    within_s = mesh.engine.within_s
    newest = sorted([liked, *posted], reverse=True)[:50]
    eventually(lambda: home(mesh, bob, 50)[:50], newest, within_s)


def _restart(mesh: Mesh, service: str, process: int) -> None:
    """End one process as an orchestrator does, and wait for the one in its place."""
    whole = len(mesh.replicas()[service])
    os.kill(process, signal.SIGTERM)

    def replaced() -> bool:
        now = mesh.replicas().get(service, [])
        return process not in now and len(now) == whole

    eventually(replaced, expected=True, within_s=RESTART_S)
    for address in mesh.addresses(service):
        ready = partial(_is_ready, mesh, service, address)
        eventually(ready, expected=True, within_s=RESTART_S)
    assert becomes_whole(mesh)


def _is_ready(mesh: Mesh, service: str, address: str) -> bool:
    with mesh.sync_channel(service, address=address) as channel:
        try:
            asked = health_pb2.HealthCheckRequest(service=READY)
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=CALL_S)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def _replace_envoy(mesh: Mesh) -> None:
    """Have another Envoy take the edge's place, and wait until the one before has ended."""
    runner = edge_process(mesh.data_dir)
    (before,) = children(runner)
    os.kill(runner, signal.SIGUSR2)

    def replaced() -> bool:
        now = children(runner)
        return len(now) == 1 and before not in now

    eventually(replaced, expected=True, within_s=RESTART_S)
