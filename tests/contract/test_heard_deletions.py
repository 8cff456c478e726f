"""Deletions that are published to all: what processes keep of tweets, and for how long."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.platform.valkey.announcements import AnnouncementListener
from services.platform.valkey.connection import ValkeyClient
from services.timeline.local_tweets import LocalTweets
from services.timeline.spec import DELETED
from services.timeline.tweet_cache import TweetCache
from tests.contract.cached_tweets import tweet
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]


WITHIN_S = 10


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def listen(
    client: ValkeyClient, local: LocalTweets, client_class: type[Redis] = Redis
) -> AnnouncementListener:
    """On a cluster one node is listened to; messages reach it from all of them."""
    if isinstance(client, RedisCluster):
        node = client.get_random_node()
        port = node.port
    else:
        port = client.connection_pool.connection_kwargs["port"]
    return AnnouncementListener(
        lambda: client_class(port=port, retry=Retry(NoBackoff(), 0)), DELETED, local
    )


class LosingSubscription(PubSub):
    """Loses a cancellation, as Valkey's client may up to Python 3.11."""

    has_lost = False

    async def get_message(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().get_message(*args, **kwargs)
        except asyncio.CancelledError:
            if self.has_lost:
                raise
            self.has_lost = True


class LosingRedis(Redis):
    def pubsub(self, **kwargs: Any) -> PubSub:
        return LosingSubscription(self.connection_pool, **kwargs)


async def test_a_listener_stops_whose_client_loses_a_cancellation(client: ValkeyClient) -> None:
    local = LocalTweets(generation_s=1_000)
    listener = listen(client, local, LosingRedis)
    await listener.start()

    def keeps() -> bool:
        local.put_many([tweet(1)])
        return not local.get_many([1])[1]

    await until(keeps)
    async with asyncio.timeout(WITHIN_S):
        await listener.stop()
    assert not keeps()


async def test_a_deletion_reaches_what_other_processes_keep(client: ValkeyClient) -> None:
    local = LocalTweets(generation_s=1_000)
    listener = listen(client, local)
    await listener.start()
    try:

        def keeps() -> bool:
            local.put_many([tweet(1)])
            return not local.get_many([1])[1]

        await until(keeps)
        await TweetCache(client).put_tombstone(1)
        await until(lambda: local.get_many([1])[0][1].deleted)
        local.put_many([tweet(1)])
        assert local.get_many([1])[0][1].deleted, "a late read does not bring it back"
    finally:
        await listener.stop()
    assert local.get_many([1]) == ({}, [1])


async def test_a_deletion_that_cannot_be_read_is_of_any_tweet(client: ValkeyClient) -> None:
    local = LocalTweets(generation_s=1_000)
    listener = listen(client, local)
    await listener.start()
    try:

        def keeps() -> bool:
            local.put_many([tweet(1)])
            return not local.get_many([1])[1]

        await until(keeps)
        await client.execute_command("PUBLISH", DELETED, b"of which?")
        await until(lambda: local.get_many([1]) == ({}, [1]))
        await until(keeps)
        await TweetCache(client).put_tombstone(1)
        await until(lambda: local.get_many([1])[0][1].deleted)
    finally:
        await listener.stop()


async def test_nothing_is_kept_while_deletions_go_unheard(client: ValkeyClient) -> None:
    local = LocalTweets(generation_s=1_000)
    listener = listen(client, local)
    await listener.start()
    try:

        def keeps() -> bool:
            local.put_many([tweet(1)])
            return not local.get_many([1])[1]

        await until(keeps)
        if isinstance(client, RedisCluster):
            for node in client.get_nodes():
                await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub", target_nodes=node)
        else:
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: local.get_many([1]) == ({}, [1]))
        await until(keeps)
    finally:
        await listener.stop()
