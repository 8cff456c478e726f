"""Authors are shown their own tweets, many at a time, and none waits for long."""

import asyncio
from collections.abc import Mapping

import pytest

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import deadline_in, remaining_s
from services.tweet import own_timeline
from services.tweet.own_timeline import JoinedOwnTimeline


class Store:
    """Notes its calls; while it is shut they wait."""

    def __init__(self) -> None:
        self.calls: list[dict[int, int]] = []
        self.opened = asyncio.Event()
        self.opened.set()
        self.failure: Exception | None = None
        self.deadlines: list[float | None] = []

    async def show_own(self, authors: Mapping[int, int]) -> None:
        self.calls.append(dict(authors))
        self.deadlines.append(remaining_s())
        await self.opened.wait()
        if self.failure is not None:
            raise self.failure

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        self.calls.append({-tweet_id: user_id})


async def settled() -> None:
    """Let all that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_posts_of_one_moment_are_shown_by_one_call() -> None:
    store = Store()
    own = JoinedOwnTimeline(store)
    await asyncio.gather(*(own.posted(user, 10 + user) for user in range(3)))
    await own.posted(7, 77)
    await own.deleted(77, 7)
    assert store.calls == [{10: 0, 11: 1, 12: 2}, {77: 7}, {-77: 7}]


async def test_what_comes_while_a_call_is_under_way_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_timeline, "AT_ONCE", 2)
    store = Store()
    own = JoinedOwnTimeline(store)
    store.opened.clear()
    first = asyncio.create_task(own.posted(1, 1))
    await settled()
    others = [asyncio.create_task(own.posted(1, tweet)) for tweet in (2, 3, 4)]
    await settled()
    assert store.calls == [{1: 1}]
    store.opened.set()
    await asyncio.gather(first, *others)
    assert store.calls == [{1: 1}, {2: 1, 3: 1}, {4: 1}]


async def test_a_failure_is_everybodys_and_ends_with_the_call() -> None:
    store = Store()
    own = JoinedOwnTimeline(store)
    store.failure = ValueError("of any kind")
    failures = await asyncio.gather(own.posted(1, 1), own.posted(2, 2), return_exceptions=True)
    assert [type(each) for each in failures] == [UnavailableError, UnavailableError]
    store.failure = None
    await own.posted(3, 3)
    assert store.calls == [{1: 1, 2: 2}, {3: 3}]


async def test_a_short_deadline_is_kept_and_shortens_no_other() -> None:
    store = Store()
    own = JoinedOwnTimeline(store)
    store.opened.clear()

    async def hurried() -> None:
        with deadline_in(0.05):
            await own.posted(1, 1)

    patient = asyncio.create_task(own.posted(2, 2))
    with pytest.raises(UnavailableError):
        await hurried()
    store.opened.set()
    await patient
    assert store.deadlines == [None]


async def test_who_leaves_takes_nobody_along() -> None:
    store = Store()
    own = JoinedOwnTimeline(store)
    store.opened.clear()
    leaving, staying = (asyncio.create_task(own.posted(user, user)) for user in (1, 2))
    await settled()
    leaving.cancel()
    await settled()
    store.opened.set()
    await staying
    assert leaving.cancelled()
    assert store.calls == [{1: 1, 2: 2}]
