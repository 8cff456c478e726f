"""What all streams of a process hear, and what becomes of it where siblings do not answer."""

import asyncio
from collections.abc import Collection, Sequence

import pytest

from services.live.model import Changed, Counts, Deleted, Posted, Window
from services.live.sources import Start
from services.live.stream import Stream
from services.live.streams import Streams
from services.platform.errors import UnavailableError
from tests.live_world import READING, Cache, World, streams_of

WITHIN_S = 10.0
ENDLESS = 1e9


async def opened(streams: Streams) -> Stream:
    return await streams.open(READING, Start())


class Graph(Cache):
    """Who follows, one author after the other; one of them gets no answer."""

    def __init__(self, silent: int) -> None:
        super().__init__()
        self.silent = silent
        self.asked: list[int] = []

    async def followers_among(self, author: int, viewers: Sequence[int]) -> Collection[int]:
        self.asked.append(author)
        if author == self.silent:
            raise UnavailableError("the graph service")
        return viewers


async def test_deletions_are_told_together_and_hold_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    old = [world.post(ago_s=50 - number) for number in range(3)]
    streams = streams_of(world, Cache())
    stream = await opened(streams)
    looks: list[int] = []
    has = Window.has

    def looked(window: Window, tweet_id: int) -> bool:
        looks.append(tweet_id)
        return has(window, tweet_id)

    monkeypatch.setattr(Window, "has", looked)
    for tweet_id in [*range(1, 1_000), *old]:
        streams.deleted(tweet_id)
    assert stream.is_gone(old[0])
    events = stream.events(ENDLESS)
    found = [await asyncio.wait_for(anext(events), WITHIN_S) for _ in old]
    assert found == [Deleted(one) for one in old]
    assert set(looks) == set(old), "windows are looked into for all at once"
    await events.aclose()
    await streams.close(stream)


async def test_counts_that_could_not_be_looked_up_are_told_later() -> None:
    world = World()
    old = world.post(ago_s=50)
    world.likes[old] = 3
    streams = streams_of(world, Cache())
    stream = await opened(streams)
    world.counts_nothing = True
    streams.counted(old)
    assert await streams.count(), "not at once again"
    world.counts_nothing = False
    await streams.count()
    events = stream.events(ENDLESS)
    assert await asyncio.wait_for(anext(events), WITHIN_S) == Changed(old, Counts(3, 0, 0, 0))
    await events.aclose()
    await streams.close(stream)


async def test_authors_are_looked_up_one_by_one_each_once() -> None:
    world, graph = World(), Graph(silent=5)
    streams = streams_of(world, graph)
    stream = await opened(streams)
    tweets = [world.post(ago_s=3 - number) for number in range(2)]
    streams.posted([(5, world.id_at()), (6, tweets[1]), (6, tweets[0])])
    await streams.look_up()
    assert graph.asked == [5]
    await streams.look_up()
    assert graph.asked == [5, 6]
    world.passed_s += 1
    events = stream.events(ENDLESS)
    found = [await asyncio.wait_for(anext(events), WITHIN_S) for _ in tweets]
    assert [each.entry.entry_id for each in found if isinstance(each, Posted)] == tweets
    await events.aclose()
    await streams.close(stream)


async def test_a_stream_that_opens_while_its_process_ends_ends_with_it() -> None:
    class Ending(Cache):
        async def take(self, viewer: int, stream: bytes) -> bool:
            streams.end()
            return await super().take(viewer, stream)

    streams = streams_of(World(), Ending())
    stream = await opened(streams)
    assert await asyncio.wait_for(anext(stream.events(ENDLESS), None), WITHIN_S) is None
    await streams.close(stream)
