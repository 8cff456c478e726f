"""What a stream sends, and in which order; and where it goes on."""

import asyncio

import pytest

from services.live.model import KEPT, Changed, Counts, Deleted, Posted, Reset
from services.live.places import decode_place, encode_place
from services.live.sources import Start
from services.live.stream import LATE_MS, MOST_AT_ONCE, POLL_S
from services.platform.errors import UnavailableError
from tests.live_world import World, reading

LATE_S = LATE_MS / 1_000


def ids(events: list[object]) -> list[int]:
    assert all(isinstance(each, Posted) for each in events), events
    return [each.entry.entry_id for each in events if isinstance(each, Posted)]


async def test_what_is_there_at_the_start_is_not_sent_and_what_comes_is_once() -> None:
    world = World()
    world.post(ago_s=5)
    async with reading(world) as reader:
        new = [world.post(ago_s=2), world.post(ago_s=1)]
        reader.stream.pushed(new[1])
        reader.stream.pushed(new[0])
        world.passed_s += 1
        assert ids(await reader.many(2)) == new
        reader.stream.pushed(new[0])
        world.passed_s += 1
        after = world.post()
        reader.stream.pushed(after)
        assert ids([await reader.next()]) == [after]


async def test_what_comes_late_is_sent_behind_what_was_newer() -> None:
    world = World()
    async with reading(world) as reader:
        newer = world.post(ago_s=1)
        reader.stream.pushed(newer)
        world.passed_s += 1
        assert ids([await reader.next()]) == [newer]
        late = world.post(ago_s=30)
        reader.stream.pushed(late)
        world.passed_s += 1
        assert ids([await reader.next()]) == [late]


async def test_a_push_that_was_not_heard_of_is_found_by_a_poll() -> None:
    world = World()
    async with reading(world) as reader:
        new = world.post()
        world.passed_s += 2 * POLL_S
        assert ids([await reader.next()]) == [new]


async def test_another_process_goes_on_behind_each_event_without_gap_or_double() -> None:
    world = World()
    places = []
    async with reading(world) as reader:
        new = [world.post(ago_s=20 - number) for number in range(5)]
        reader.stream.verify()
        for wanted in new:
            assert ids([await reader.next()]) == [wanted]
            places.append(encode_place(reader.stream.window.place()))
    new.append(world.post())
    for number, place in enumerate(places):
        async with reading(world, Start(decode_place(place))) as reader:
            left = new[number + 1 :]
            assert ids(await reader.many(len(left))) == left


async def test_a_place_between_late_and_newer_entries_leaves_no_gap() -> None:
    world = World()
    async with reading(world) as reader:
        world.passed_s = 10 * LATE_S
        late, newer = world.post(ago_s=LATE_S * 2), world.post(ago_s=1)
        reader.stream.verify()
        # Both were read together; the older one, when only that is sent, keeps the place below it.
        assert ids([await reader.next()]) == [late]
        place = encode_place(reader.stream.window.place())
    async with reading(world, Start(decode_place(place))) as reader:
        assert ids([await reader.next()]) == [newer]


async def test_of_what_was_sent_deletions_and_counts_are_told() -> None:
    world = World()
    old, foreign = world.post(ago_s=50), 5
    async with reading(world) as reader:
        for tweet in (old, foreign):
            reader.stream.changed(tweet, Counts(1, 0, 0, 0))
            reader.stream.changed(tweet, Counts(2, 0, 0, 0))
        assert await reader.next() == Changed(old, Counts(2, 0, 0, 0))
        for tweet in (foreign, old):
            reader.stream.deleted(tweet)
        assert await reader.next() == Deleted(old)
        assert not reader.stream.window.has(old)


async def test_after_a_pause_it_is_told_what_is_gone_and_counted() -> None:
    world = World()
    gone, liked = world.post(ago_s=50), world.post(ago_s=40)
    async with reading(world) as reader:
        place = reader.stream.window.place()
    world.missing.add(gone)
    world.likes[liked] = 3
    async with reading(world, Start(place)) as reader:
        found = await reader.many(2)
    assert found == [Deleted(gone), Changed(liked, Counts(3, 0, 0, 0))]


async def test_a_tweet_that_is_deleted_before_it_is_sent_is_not_sent() -> None:
    world = World()
    async with reading(world) as reader:
        gone, new = world.post(ago_s=2), world.post(ago_s=1)
        reader.stream.is_gone = {gone}.__contains__
        reader.stream.verify()
        assert ids([await reader.next()]) == [new]


async def test_a_tweet_stands_once_whatever_brings_it() -> None:
    world = World()
    async with reading(world) as reader:
        tweet = world.post(ago_s=30)
        retweet, other = world.post(ago_s=20, of=tweet), world.post(ago_s=10, of=77)
        reader.stream.verify()
        assert ids(await reader.many(2)) == [tweet, other]
        place = decode_place(encode_place(reader.stream.window.place()))
        assert set(place.sent) == {(tweet, tweet), (other, 77)}
    async with reading(world, Start(place)) as reader:
        last = world.post()
        reader.stream.pushed(retweet)
        world.passed_s += 1
        reader.stream.pushed(last)
        assert ids([await reader.next()]) == [last]


async def test_more_than_is_streamed_is_a_gap() -> None:
    world = World()
    async with reading(world) as reader:
        place = reader.stream.window.place()
    for number in range(MOST_AT_ONCE + 1):
        world.post(ago_s=140 - number / 2)
    async with reading(world, Start(place)) as reader:
        assert await reader.next() == Reset()
        new = world.post()
        reader.stream.pushed(new)
        world.passed_s += 1
        assert ids([await reader.next()]) == [new]


async def test_what_it_remembers_is_bounded_and_a_place_fits_into_a_cursor() -> None:
    world = World()
    async with reading(world) as reader:
        new = [world.post(ago_s=140 - number / 2, of=number + 1) for number in range(150)]
        reader.stream.verify()
        assert ids(await reader.many(150)) == new
        window = reader.stream.window
        assert len(window.place().sent) <= KEPT
        assert len(encode_place(window.place())) <= 512
        assert window.floor >= new[-KEPT]


async def test_a_source_that_is_gone_ends_no_stream_and_loses_nothing() -> None:
    world = World()
    async with reading(world) as reader:
        world.is_down = True
        new, before = world.post(), len(world.reads)
        reader.stream.pushed(new)
        world.passed_s += 1
        waiting = asyncio.create_task(reader.next(20))
        while len(world.reads) == before:  # noqa: ASYNC110 - it reads by itself
            await asyncio.sleep(0.01)
        world.is_down = False
        world.passed_s += 2
        assert ids([await waiting]) == [new]
    world.is_down = True
    with pytest.raises(UnavailableError):
        async with reading(world):
            pass


async def test_from_what_the_client_has_read_on() -> None:
    world = World()
    old = [world.post(ago_s=1_000 - number) for number in range(100)]
    async with reading(world, Start(since=old[20])) as reader:
        assert ids(await reader.many(79)) == old[21:]


async def test_it_ends_when_it_is_told_to() -> None:
    world = World()
    async with reading(world) as reader:
        reader.stream.end()
        assert await reader.next() is None


async def test_it_ends_at_its_time_though_more_is_to_be_sent() -> None:
    world = World()
    old = [world.post(ago_s=100 - number) for number in range(5)]
    async with reading(world, Start(since=old[0]), until_s=10) as reader:
        assert ids([await reader.next()]) == [old[1]]
        world.passed_s = 11
        assert await reader.next() is None
