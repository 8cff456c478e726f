"""Planning a batch of tweets: what is pushed at once, in which order, and what is queued."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.fanout.model import Audience, Priority
from services.fanout.planning import PUSHES_AT_ONCE, PUSHING_MAX_S, Planning
from services.platform.errors import UnavailableError

CLOSE, REST = Priority.CLOSE, Priority.REST


class World:
    """All that planning needs, in memory: what was pushed and queued is kept in order."""

    def __init__(self, followers: Mapping[int, tuple[Sequence[int], Sequence[int]] | int]) -> None:
        self._followers = followers
        self.asked: list[Sequence[int]] = []
        self.done: list[Any] = []
        self.threshold = 1_000_000
        self.answered = 1_000
        self.held: set[Priority] = set()
        self.cache_away = False
        self.decided: dict[int, bool] = {}
        self.celebrities: list[int] = []
        self.left: dict[int, int] = {}
        self.lags: list[Any] = []
        self.now_s = 0.0
        self.push_s = 0.0

    async def audiences(self, authors: Sequence[int]) -> Sequence[Audience]:
        self.asked.append(list(authors))
        found = []
        for author in authors[: self.answered]:
            known = self._followers[author]
            if isinstance(known, int):
                found.append(Audience(author, known, None))
            else:
                found.append(Audience(author, sum(map(len, known)), known))
        return found

    def followers(self) -> int:
        return self.threshold

    async def decide(self, tweet_id: int, *, push: bool) -> bool:
        return self.decided.setdefault(tweet_id, push)

    async def add(self, author: int) -> None:
        self.celebrities.append(author)

    async def push_homes(self, viewers: Mapping[int, Sequence[int]]) -> None:
        self.now_s += self.push_s
        if self.cache_away:
            raise UnavailableError("the cache is away")
        self.done.append({tweet: list(each) for tweet, each in viewers.items()})

    async def left_to_readers(self, authors: Mapping[int, int]) -> None:
        self.left |= authors

    async def enqueue(self, priority: Priority, pages: Sequence[tuple[int, Sequence[int]]]) -> None:
        self.done.append((priority, {tweet: list(each) for tweet, each in pages}))

    async def enqueue_continuations(self, tweets: Sequence[tuple[int, int, int]]) -> None:
        self.done.append(list(tweets))

    def planned(self, tweet_id: int, *, pushed: bool) -> None:
        self.lags.append((tweet_id, pushed))

    def pushed(self, tweet_id: int) -> None:
        self.lags.append(tweet_id)

    async def plan(self, tweets: Mapping[int, int], planning: Planning | None = None) -> None:
        await (planning or self.planning()).plan(tweets)

    def planning(self) -> Planning:
        world: Any = self
        return Planning(
            followers=world,
            deliveries=world,
            celebrities=world,
            jobs=world,
            timelines=world,
            threshold=world,
            lag=world,
            held=self.held.__contains__,
            now_s=lambda: self.now_s,
        )


async def test_a_batch_is_one_read_and_one_push_a_priority_close_friends_first() -> None:
    world = World({1: ([11], [12, 13]), 2: ([], [21]), 3: ([], []), 4: ([41], [])})
    await world.plan({100: 1, 101: 1, 200: 2, 300: 3, 400: 4})
    assert world.asked == [[1, 2, 3, 4]]
    assert world.done == [
        {100: [11], 101: [11], 400: [41]},
        {100: [12, 13], 101: [12, 13], 200: [21]},
    ]
    assert world.lags[:3] == [100, 101, 400]
    assert world.lags[6:] == [(tweet, True) for tweet in (100, 101, 200, 300, 400)]


async def test_those_cut_off_an_answer_are_asked_for_again() -> None:
    world = World({author: ([], [author + 10]) for author in range(1, 6)})
    world.answered = 2
    await world.plan({author * 100: author for author in range(1, 6)})
    assert world.asked == [[1, 2, 3, 4, 5], [3, 4, 5], [5]]
    assert [list(each) for each in world.done] == [[100, 200], [300, 400], [500]]


async def test_large_authors_are_planned_beside_the_others() -> None:
    world = World({1: 5_000, 2: ([], [21])})
    await world.plan({100: 1, 101: 1, 200: 2})
    assert world.done == [{200: [21]}, [(1, 100, 0), (1, 101, 0)]]


async def test_a_call_of_the_store_has_a_bounded_number_of_entries() -> None:
    world = World({author: ([], range(1_000)) for author in range(1, 86)})
    await world.plan({author: author for author in range(1, 86)})
    assert [sum(map(len, each.values())) for each in world.done] == [
        PUSHES_AT_ONCE,
        PUSHES_AT_ONCE,
        5_000,
    ]


async def test_what_operators_hold_back_is_queued() -> None:
    world = World({1: ([11], [12])})
    world.held = {REST}
    await world.plan({100: 1})
    assert world.done == [{100: [11]}, (REST, {100: [12]})]


async def test_what_cannot_be_pushed_now_is_queued_and_not_planned_again() -> None:
    world = World({1: ([11], [12]), 2: ([], [21])})
    world.cache_away = True
    await world.plan({100: 1, 200: 2})
    assert world.done == [(CLOSE, {100: [11]}), (REST, {100: [12], 200: [21]})]
    assert world.lags == [(100, True), (200, True)]


async def test_pushing_ends_in_time_and_the_rest_is_queued() -> None:
    world = World({author: ([], [author + 10]) for author in range(1, 4)})
    world.answered, world.push_s = 1, PUSHING_MAX_S / 2
    await world.plan({author * 100: author for author in range(1, 4)})
    assert world.done == [{100: [11]}, {200: [12]}, (REST, {300: [13]})]


async def test_pushing_ends_in_time_between_two_calls_of_the_store() -> None:
    world = World({author: ([], range(1_000)) for author in range(1, 43)})
    world.push_s = PUSHING_MAX_S
    await world.plan({author: author for author in range(1, 43)})
    pushed, (priority, queued) = world.done
    assert [*pushed, *queued] == [*range(1, 43)]
    assert (sum(map(len, pushed.values())), priority) == (PUSHES_AT_ONCE, REST)


@pytest.mark.parametrize("first_pushed", [True, False])
async def test_a_threshold_that_moves_between_deliveries_loses_nothing(
    *, first_pushed: bool
) -> None:
    """The tweet is pushed, or its author on the list from then on, after either delivery."""
    world = World({1: ([11], [12])})
    planning = world.planning()
    for pushed in (first_pushed, not first_pushed):
        world.threshold = 2 if pushed else 1
        await world.plan({100: 1}, planning)
    # Whichever came first: readers merge the author's tweets, and drop what they have twice.
    assert world.celebrities == [1]
    assert set(world.left.values()) == {1}
    assert world.done == [{100: [11]}, {100: [12]}]


async def test_a_celebrity_is_put_on_the_list_once_a_process() -> None:
    world = World({1: 5_000})
    world.threshold = 1
    planning = world.planning()
    await world.plan({100: 1, 101: 1}, planning)
    await world.plan({102: 1}, planning)
    assert (world.celebrities, world.done) == ([1], [])
    assert world.decided == {100: False, 101: False, 102: False}


async def test_what_the_release_before_has_decided_to_push_is_pushed() -> None:
    world = World({1: 5_000})
    world.threshold, world.decided = 1, {100: True}
    await world.plan({100: 1, 101: 1})
    assert world.done == [[(1, 100, 0)]]
    assert world.lags == [(100, True), (101, False)]
