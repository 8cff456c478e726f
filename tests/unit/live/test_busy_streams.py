"""Streams of timelines to which more comes than a page has, and of siblings that do not answer."""

import pytest

from services.live.model import KEPT, Deleted, Posted, Reset
from services.live.sources import Start
from services.live.stream import MOST_AT_ONCE, POLL_S, VERIFY_AGAIN_S
from tests.live_world import Reader, World, reading


async def next_tweet(reader: Reader) -> int:
    event = await reader.next()
    assert isinstance(event, Posted), event
    return event.entry.entry_id


def busy(world: World, count: int) -> list[int]:
    """Post so many within the time for which late entries are waited for."""
    return [world.post(ago_s=100 - number / 4) for number in range(count)]


async def test_what_the_first_page_has_no_room_for_is_no_news() -> None:
    world = World()
    busy(world, 3 * KEPT)
    async with reading(world) as reader:
        world.passed_s += 2 * POLL_S
        new = world.post()
        assert await next_tweet(reader) == new


@pytest.mark.parametrize("unread", [0, 10, KEPT, 2 * KEPT])
async def test_what_a_client_has_read_of_a_busy_timeline_is_not_sent(unread: int) -> None:
    world = World()
    posts = busy(world, 3 * KEPT)
    read = len(posts) - unread
    async with reading(world, Start(since=posts[read - 1])) as reader:
        assert [await next_tweet(reader) for _ in range(unread)] == posts[read:]
        world.passed_s += 2 * POLL_S
        new = world.post()
        assert await next_tweet(reader) == new


async def test_what_was_read_before_a_gap_is_said_is_not_sent() -> None:
    world = World()
    async with reading(world) as reader:
        place = reader.stream.window.place()
    busy(world, MOST_AT_ONCE + 10)
    async with reading(world, Start(place)) as reader:
        assert await reader.next() == Reset()
        world.passed_s += 2 * POLL_S
        new = world.post()
        assert await next_tweet(reader) == new


async def test_more_than_one_read_gives_is_a_gap_wherever_it_was_announced() -> None:
    world = World()
    async with reading(world) as reader:
        world.passed_s += 1
        for each in busy(world, MOST_AT_ONCE + 10):
            reader.stream.pushed(each)
        assert await reader.next() == Reset()


async def test_new_tweets_do_not_wait_for_who_counts() -> None:
    world = World()
    old, _ = world.post(ago_s=50), world.post(ago_s=40)
    async with reading(world) as reader:
        place = reader.stream.window.place()
    world.missing.add(old)
    world.counts_nothing = True
    async with reading(world, Start(place)) as reader:
        world.passed_s += 1
        new = world.post()
        reader.stream.pushed(new)
        assert await next_tweet(reader) == new
        world.counts_nothing = False
        world.passed_s += 2 * VERIFY_AGAIN_S
        assert await reader.next() == Deleted(old)


async def test_what_is_missed_while_it_looks_is_looked_for_again() -> None:
    world = World()
    first, second = world.post(ago_s=50), world.post(ago_s=40)
    async with reading(world) as reader:
        world.missing.add(first)

        def missed_more() -> None:
            world.while_looking = lambda: None
            reader.stream.verify()

        world.while_looking = missed_more
        reader.stream.verify()
        assert await reader.next() == Deleted(first)
        world.missing.add(second)
        while (event := await reader.next()) != Deleted(second):
            assert event != Deleted(first)
