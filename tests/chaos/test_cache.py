"""The cache is gone: writes go on, reads use the rows, and it fills again when it is back."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import DEADLINE_S, THRESHOLD, Faults, until, within
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop

# A process that meets a hanging cache waits for it once; two wait in a row for a post's answer.
FIRST_S = DEADLINE_S / 2
# From then on it asks the cache no more, until that answers. What is drawn beside tweets comes of
# other processes, which may meet it then: a page waits half a second for them, and does without.
LATER_S = DEADLINE_S / 10 + 0.5


OUTAGE_S = 25.0
# What ADR 4 says, and as much again for a machine that is busy with other tests.
SHOWN_S = 2 * 6.0


def user_timeline(mesh: Mesh, author: int) -> list[int]:
    answer = mesh.rest.get("/v1/timeline/user", params={"user_id": author})
    assert answer.status_code == 200, answer.text
    return [int(tweet["tweet_id"]) for tweet in answer.json()["tweets"]]


def test_cache_that_hangs(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    before = post(mesh, ada)
    eventually(lambda: home(mesh, bob), [before])
    with faults.stopped(faults.valkey_pid("cache")):
        with within(FIRST_S):
            assert home(mesh, bob) == [before]
        with within(FIRST_S):
            during = post(mesh, ada)
        with within(LATER_S):
            assert home(mesh, ada) == [during, before]
        with within(LATER_S):
            assert user_timeline(mesh, ada) == [during, before]
        with within(DEADLINE_S):
            eve = user(mesh)
            follow(mesh, eve, ada)
        # Rows are filled without the cache: for who follows already, and for who begins to.
        for viewer in (bob, eve):
            eventually(lambda v=viewer: home(mesh, v), [during, before])
            with within(LATER_S):
                assert home(mesh, viewer) == [during, before]
    assert_hot_again(faults, ada, [bob, eve], [during, before])


def test_cache_killed(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    tweets: list[int] = []
    for _ in range(2):
        tweets.insert(0, post(mesh, ada))
        eventually(lambda: home(mesh, bob), tweets)
        os.kill(faults.valkey_pid("cache"), signal.SIGKILL)
        with within(DEADLINE_S):
            tweets.insert(0, post(mesh, ada))
            assert home(mesh, bob) in (tweets, tweets[1:])
            assert user_timeline(mesh, ada) == tweets
        eventually(lambda: home(mesh, bob), tweets)
    assert_hot_again(faults, ada, [bob], tweets)


@pytest.fixture
def left_alone(tmp_path: Path) -> Iterator[Faults]:
    """A system of its own, where what hangs is not started again, and so loses nothing."""
    mesh = start(tmp_path / "data", AVIARY_CELEBRITY_THRESHOLD=THRESHOLD, AVIARY_LIVENESS="off")
    yield Faults(mesh)
    assert stop(mesh) == 0


@pytest.mark.timeout(300)
def test_a_tweet_deleted_while_the_cache_hangs_is_gone_soon_after(left_alone: Faults) -> None:
    """Its body is in the cache all the while, and comes back with it."""
    faults, mesh = left_alone, left_alone.mesh
    until(faults.is_settled)
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    tweet = post(mesh, ada)
    eventually(lambda: home(mesh, bob), [tweet])
    until(lambda: faults.hot_home(bob) == [tweet])
    with faults.stopped(faults.valkey_pid("cache")):
        hangs_until = time.monotonic() + OUTAGE_S
        query = {"user_id": ada}
        assert mesh.rest.delete(f"/v1/tweets/{tweet}", params=query).status_code == 200
        # Rows know, whatever the cache will say.
        eventually(lambda: home(mesh, bob), [])
        # As long as it takes for pauses between tries to become as long as they ever do.
        until(lambda: time.monotonic() > hangs_until)
    eventually(lambda: home(mesh, bob), [], within_s=SHOWN_S)
    # And not again, once everything has been done that was waiting.
    until(faults.is_settled)
    assert home(mesh, bob) == []


@pytest.mark.slow
def test_cache_that_hangs_again_and_again(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    tweets: list[int] = []
    for _ in range(5):
        with faults.stopped(faults.valkey_pid("cache")):
            for _ in range(20):
                with within(FIRST_S):
                    tweets.insert(0, post(mesh, ada))
            eventually(lambda: home(mesh, bob), tweets)
    assert_hot_again(faults, ada, [bob], tweets)


def assert_hot_again(faults: Faults, author: int, followers: list[int], tweets: list[int]) -> None:
    """Nothing lost or doubled, and what is posted now is pushed into hot lists."""
    mesh = faults.mesh
    # Follows of the outage are retried, and drop hot lists.
    until(faults.is_settled)
    for viewer in followers:
        # A list is filled by a read.
        until(lambda v=viewer: home(mesh, v) == tweets == faults.hot_home(v))
    after = [post(mesh, author), *tweets]
    for viewer in followers:
        until(lambda v=viewer: faults.hot_home(v) == after)
        assert home(mesh, viewer) == after
    until(faults.is_settled)
    for viewer in followers:
        assert faults.hot_home(viewer) == after
