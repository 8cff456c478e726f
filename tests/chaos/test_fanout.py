"""A fan-out worker dies with pages in hand: every follower has the tweet, once."""

import contextlib
import os
import signal
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.timeline.keys import home_qualifier
from tests.chaos.conftest import Faults, until
from tests.e2e.acting import follow, home, post, user

# As many as the edge and two cores take without queueing.
CLIENTS = 8
REDELIVERY_S = 90
MAX_POSTS = 10


def at_once(do: Callable[[int], Any], over: Iterable[int]) -> list[Any]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(do, over))


def stored(faults: Faults, tweet: int) -> int:
    """Persistent timelines that have the tweet."""
    with contextlib.closing(sqlite3.connect(faults.mesh.data_dir / "timeline.db")) as rows:
        wanted = home_qualifier(tweet)
        (found,) = rows.execute("SELECT count(*) FROM home WHERE col = ?", (wanted,)).fetchone()
        return int(found)


def in_hand(faults: Faults) -> int:
    """Tweets and pages that a worker has received and not acked."""
    with faults.valkey("bus") as bus:
        queues = ("fanout.plan", "fanout.rest")
        return sum(bus.xpending(f"bus:{{{each}}}", "bus")["pending"] for each in queues)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("followers", [60, pytest.param(1_100, marks=pytest.mark.slow)])
def test_worker_killed_with_pages_in_hand(faults: Faults, followers: int) -> None:
    mesh = faults.mesh
    ada = user(mesh)
    viewers = at_once(lambda _: user(mesh), range(followers))
    at_once(lambda viewer: follow(mesh, viewer, ada), viewers)
    at_once(lambda viewer: home(mesh, viewer), viewers)
    posted = [post(mesh, ada)]
    until(faults.is_settled)
    worker = faults.pid("fanout")
    while not caught(faults, ada, worker, posted):
        assert len(posted) < MAX_POSTS, "no page was caught half way"
        until(faults.is_settled)
    # Some of the pushes may have been on their way into the cache: they come twice, then.
    assert in_hand(faults) > 0
    until(faults.is_settled, within_s=REDELIVERY_S)
    expected = posted[::-1]
    assert {tuple(faults.hot_home(viewer)) for viewer in viewers} == {tuple(expected)}
    assert_everywhere(faults, viewers, expected)
    with faults.valkey("cache") as cache:
        cache.flushall()
    assert_everywhere(faults, viewers, expected)
    # One for each follower, and the author's own.
    assert stored(faults, posted[-1]) <= followers + 1


def caught(faults: Faults, author: int, worker: int, posted: list[int]) -> bool:
    """Post, and kill the worker half way: rows are written, hot lists not, the page is in hand.

    False where the page was put back before it could be seen: the cache had been found gone by
    another delivery, and so this one did not wait for it.
    """
    with faults.stopped(faults.valkey_pid("cache")):
        posted.append(post(faults.mesh, author))
        until(lambda: stored(faults, posted[-1]) > 1)
        with faults.stopped(worker):
            if in_hand(faults) > 0:
                os.kill(worker, signal.SIGKILL)
                return True
    return False


def assert_everywhere(faults: Faults, viewers: Sequence[int], expected: list[int]) -> None:
    homes = at_once(lambda viewer: home(faults.mesh, viewer), viewers)
    wrong = {v: ids for v, ids in zip(viewers, homes, strict=True) if ids != expected}
    assert not wrong
