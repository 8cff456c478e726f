"""The cache of counts never keeps what was read before a change: on one node and on a cluster."""

import pytest_asyncio
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from structlog.testing import capture_logs

from services.engagement.count_cache import ValkeyCounts
from services.engagement.keys import cache_key
from services.engagement.model import Kind, TweetCounts
from services.platform.drawing.channels import COUNTED
from services.platform.drawing.heard_values import HeardValues
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.valkey.connection import ValkeyClient
from tests.certificates import until
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

MINE, THEIRS = b"mine", b"theirs"
TWEETS = range(1, 500)


def counts(tweet_id: int, likes: int = 1) -> TweetCounts:
    return TweetCounts(tweet_id, {**dict.fromkeys(Kind, 0), Kind.LIKE: likes})


@pytest_asyncio.fixture
async def cache(client: ValkeyClient) -> ValkeyCounts:
    return ValkeyCounts(client)


async def test_what_was_filled_is_found(cache: ValkeyCounts) -> None:
    assert await cache.get(TWEETS, MINE) == {}
    await cache.fill([counts(tweet_id, tweet_id) for tweet_id in TWEETS], MINE)
    found = await cache.get([*TWEETS, 1_000], THEIRS)
    assert found == {tweet_id: counts(tweet_id, tweet_id) for tweet_id in TWEETS}
    await cache.forget(TWEETS)
    assert await cache.get(TWEETS, MINE) == {}


async def test_what_was_read_before_a_change_is_not_filled_in(cache: ValkeyCounts) -> None:
    await cache.get([1], MINE)
    await cache.forget([1])
    await cache.fill([counts(1)], MINE)
    assert await cache.get([1], MINE) == {}


async def test_of_two_readers_the_one_who_looked_last_fills(cache: ValkeyCounts) -> None:
    await cache.get([1], MINE)
    await cache.get([1], THEIRS)
    await cache.fill([counts(1, 5)], MINE)
    await cache.fill([counts(1, 6)], THEIRS)
    await cache.fill([counts(1, 7)], MINE)
    assert await cache.get([1], MINE) == {1: counts(1, 6)}


async def test_nobody_fills_who_has_not_looked(cache: ValkeyCounts) -> None:
    await cache.fill([counts(1)], MINE)
    assert await cache.get([1], MINE) == {}


async def test_what_is_damaged_is_forgotten(cache: ValkeyCounts, client: ValkeyClient) -> None:
    await client.hset(cache_key(1), mapping={"l": "many"})  # type: ignore[misc]
    with capture_logs() as logs:
        assert await cache.get([1], MINE) == {}
    assert [log["event"] for log in logs] == ["cache.damaged"]
    await cache.get([1], MINE)
    await cache.fill([counts(1)], MINE)
    assert await cache.get([1], MINE) == {1: counts(1)}


async def test_every_hash_ends_by_itself(cache: ValkeyCounts, client: ValkeyClient) -> None:
    await cache.get([1, 2], MINE)
    await cache.fill([counts(1)], MINE)
    for tweet_id in (1, 2):
        assert await client.pttl(cache_key(tweet_id)) > 0


async def test_processes_that_keep_counts_hear_of_each_change(
    cache: ValkeyCounts, client: ValkeyClient
) -> None:
    if isinstance(client, RedisCluster):
        port = client.get_random_node().port
    else:
        port = client.connection_pool.connection_kwargs["port"]
    values = HeardValues[int]()
    listener = AnnouncementListener(lambda: Redis(port=port), COUNTED, values)
    await listener.start()
    try:

        def kept() -> list[int | None]:
            return values.get_many([1, 2, 3])

        def keeps() -> bool:
            values.put_many({1: 1, 2: 2, 3: 3}, values.changes)
            return kept() == [1, 2, 3]

        await until(keeps)
        before = values.changes
        await cache.forget([1])
        await until(lambda: kept() == [None, 2, 3])
        await cache.forget([2, 3])
        await until(lambda: kept() == [None] * 3)
        values.put_many({1: 1, 2: 2, 3: 3}, before)
        assert kept() == [None] * 3, "what was read before the change is not kept"
    finally:
        await listener.stop()
