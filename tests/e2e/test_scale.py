"""Several processes of a service: all of them serve, and go on when one of them dies."""

import json
import os
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop

SCALED: Final = ("engagement", "graph", "timeline", "tweet")
KILLED: Final = ("graph", "timeline", "tweet")
AT_ONCE: Final = 8
ROUNDS: Final = 5
READERS: Final = 4
RESTART_S: Final = 60
CALLS: Final = re.compile(r"^rpc_server_duration_seconds_count\{(.*)\} ([0-9.]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    scale = ",".join(f"{service}=2" for service in SCALED)
    running = start(tmp_path_factory.mktemp("scaled") / "data", scale=scale)
    yield running
    assert stop(running) == 0


def targets(mesh: Mesh, service: str) -> list[str]:
    """Where Prometheus finds each process of a service."""
    found = json.loads((mesh.data_dir / TARGETS_FILE).read_text())
    return [
        address for each in found if each["labels"]["job"] == service for address in each["targets"]
    ]


def calls(target: str) -> float:
    """How many calls a process has answered, but for those that ask for its health."""
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
        return sum(
            float(count)
            for labels, count in CALLS.findall(answer.read().decode())
            if "grpc.health" not in labels
        )


def both_serve(mesh: Mesh, service: str, act: Callable[[], object]) -> bool:
    act()
    return all(calls(each) > 0 for each in targets(mesh, service))


def test_each_process_serves_and_has_metrics_and_a_log_of_its_own(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)

    def act() -> None:
        follow(mesh, bob, ada)
        post(mesh, ada)
        home(mesh, bob)
        follow(mesh, bob, ada, "unfollow")

    for service in SCALED:
        assert len(targets(mesh, service)) == len(mesh.replicas()[service]) == 2
        eventually(lambda service=service: both_serve(mesh, service, act), expected=True)
        for name in (service, f"{service}-2"):
            log = mesh.data_dir / "logs" / f"{name}.log"
            assert f'"service": "{service}"' in log.read_text()
    assert mesh.replicas().keys() > set(SCALED)
    assert len(mesh.replicas()["user"]) == 1


def all_at_once(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result() for each in [pool.submit(act) for act in acts]]


def sending(mesh: Mesh, path: str, **body: object) -> Callable[[], httpx.Response]:
    return lambda: mesh.rest.post(f"/v1/{path}", json=body)


def test_what_many_ask_both_processes_for_at_once_is_done_once(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    home(mesh, bob)
    for asked in (
        sending(mesh, "follow", follower_id=bob, followee_id=ada),
        sending(mesh, "like", user_id=bob, tweet_id=tweet),
        sending(mesh, "retweet", user_id=bob, tweet_id=tweet),
    ):
        assert {each.status_code for each in all_at_once(*[asked] * AT_ONCE)} == {200}
    posted = all_at_once(
        *[sending(mesh, "tweets", user_id=ada, text="hi", request_id="once")] * AT_ONCE
    )
    (one,) = {int(each.json()["tweet_id"]) for each in posted}
    eventually(lambda: home(mesh, bob), [one, tweet], mesh.engine.within_s)

    def counts() -> list[int]:
        found = mesh.rest.get(f"/v1/tweets/{tweet}").json()["tweet"]
        author = mesh.rest.get(f"/v1/users/{ada}").json()["user"]
        return [found["like_count"], found["retweet_count"], author["followers_count"]]

    eventually(counts, [1, 1, 1], mesh.engine.within_s)


def test_a_follow_and_a_block_at_once_leave_the_block_alone(mesh: Mesh) -> None:
    for _ in range(ROUNDS):
        ada, bob = user(mesh), user(mesh)
        follows = [sending(mesh, "follow", follower_id=bob, followee_id=ada)] * AT_ONCE
        block = sending(mesh, "block", blocker_id=ada, blocked_id=bob)
        *followed, blocked = all_at_once(*follows, block)
        assert {each.status_code for each in followed} <= {200, 403}
        assert blocked.status_code == 200
        stands = mesh.rest.get(f"/v1/users/{ada}/relationship/{bob}").json()
        assert stands.get("blocking")
        assert not stands.get("followed_by")
        assert mesh.rest.get(f"/v1/users/{ada}/followers").json().get("users", []) == []


class Client:
    """Posts and reads until it is stopped, and keeps what was refused."""

    def __init__(self, mesh: Mesh, author: int, reader: int) -> None:
        self._mesh = mesh
        self._author = author
        self._reader = reader
        self.ended = Event()
        self.posted: list[int] = []
        self.repeated: list[str] = []
        self.unread: list[str] = []

    def post(self) -> None:
        while not self.ended.is_set():
            # Of what a process had begun when it died, its client asks again.
            body = {"user_id": self._author, "text": "hi", "request_id": f"r{len(self.posted)}"}
            answer = self._mesh.rest.post("/v1/tweets", json=body)
            if answer.is_success:
                self.posted.append(int(answer.json()["tweet_id"]))
            else:
                assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
                self.repeated.append(answer.text)

    def read(self) -> None:
        query = {"user_id": self._reader, "limit": 10}
        while not self.ended.is_set():
            answer = self._mesh.rest.get("/v1/timeline/home", params=query)
            if not answer.is_success:
                self.unread.append(answer.text)
            answer = self._mesh.rest.get(f"/v1/users/{self._author}/followers")
            if not answer.is_success:
                self.unread.append(answer.text)


def test_nothing_is_lost_with_a_process_and_no_read_fails(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    client = Client(mesh, ada, bob)
    with ThreadPoolExecutor(1 + READERS) as pool:
        running = [pool.submit(client.post), *(pool.submit(client.read) for _ in range(READERS))]
        try:
            for service in KILLED:
                killed, count = mesh.replicas()[service][0], len(client.posted)
                os.kill(killed, signal.SIGKILL)
                eventually(lambda count=count: len(client.posted) > count + 1, expected=True)
                # The counts of a process begin with it.
                eventually(
                    lambda service=service, killed=killed: is_back(mesh, service, killed),
                    expected=True,
                    within_s=RESTART_S,
                )
        finally:
            client.ended.set()
        for each in running:
            each.result()
    assert not client.unread
    # At most what was in hand at each death: there is one writer.
    assert len(client.repeated) <= len(KILLED), client.repeated
    eventually(lambda: home(mesh, bob), list(reversed(client.posted)), mesh.engine.within_s)
    assert len(set(client.posted)) == len(client.posted)


def is_back(mesh: Mesh, service: str, killed: int) -> bool:
    """Whether another process serves in the place of one that was killed."""
    processes = mesh.replicas().get(service, [])
    try:
        return (
            killed not in processes
            and len(processes) == 2
            and all(calls(each) > 0 for each in targets(mesh, service))
        )
    except OSError:
        return False
