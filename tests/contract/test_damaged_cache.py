"""A cache that holds what nobody put there: a miss, filled anew, and no harm to others.

One node and a cluster.
"""

import struct
from collections.abc import Sequence

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.valkey.connection import ValkeyClient
from services.timeline.clients import read_tweet
from services.timeline.hot_lists import HotLists
from services.timeline.hydration import CachedTweets
from services.timeline.keys import author_list_key, home_list_key, relations_key, tweet_cache_key
from services.timeline.local_tweets import LocalTweets
from services.timeline.model import EncodedTweet, IdRun, ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.tweet_cache import TweetCache
from tests.contract.timeline_readers import Reader
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

NOBODYS = (b"\xff\xfe", b"", b"{}")


def ids(*numbers: int) -> list[bytes]:
    return [struct.pack(">Q", number) for number in numbers]


async def read(lists: HotLists, key: bytes, before: int | None, count: int) -> IdRun | None:
    (found,) = await lists.read_many([key], before, count)
    return found


LISTS: dict[str, Sequence[bytes]] = {
    "a short id": [*ids(9, 8), b"7", *ids(0)],
    "a short end": [*ids(9, 8), b"\0\0"],
    "an empty end": [*ids(9, 8), b""],
    "a long end": [*ids(9, 8), b"not what a warmer writes"],
    "a short beginning": [b"9", *ids(8, 0)],
    "rising": ids(7, 8, 9, 0),
    "double": ids(9, 9, 8, 0),
    "beyond all ids": ids(1 << 63, 8, 0),
}


@pytest.mark.parametrize("damage", LISTS)
async def test_a_damaged_list_is_a_miss_and_is_filled_anew(
    client: ValkeyClient, damage: str
) -> None:
    lists = HotLists(client)
    home, author = home_list_key(7), author_list_key(7)
    for key in (home, author):
        await client.rpush(key, *LISTS[damage])
    entry = RelationsCache(client).entry(7, b"", b"1" * 8)
    _, page, _, _ = await lists.read_beside(entry, home, None, 10)
    assert page is None
    assert await lists.read_many([author], None, 10) == [None]
    for key in (home, author):
        assert await lists.begin_warm(key, b"t")
        assert await lists.finish_warm(key, b"t", [5, 4], complete=True)
        assert await read(lists, key, None, 10) == IdRun((5, 4), ended=True)


async def test_what_is_no_list_is_a_miss_and_is_filled_anew(client: ValkeyClient) -> None:
    lists, key = HotLists(client), home_list_key(7)
    for meet in (
        read(lists, key, None, 10),
        read(lists, key, 8, 10),
        lists.push([key], 9),
        lists.remove(key, 9),
    ):
        await client.set(key, b"no list")
        await meet
        assert await lists.begin_warm(key, b"t")
        await lists.drop(key)


@pytest.mark.parametrize("damage", ["a short id", "a short end", "a short beginning"])
async def test_a_damaged_list_fails_no_page_of_pushes(client: ValkeyClient, damage: str) -> None:
    lists = HotLists(client)
    keys = [home_list_key(viewer) for viewer in range(60)]
    for key in keys:
        await lists.begin_warm(key, b"t")
        await lists.finish_warm(key, b"t", [9, 1], complete=True)
    for key in keys[::6]:
        await client.delete(key)
        await client.rpush(key, *LISTS[damage])
    assert await lists.push(keys, 5) >= 50
    for key in keys:
        page = await read(lists, key, None, 10)
        assert page is None if key in keys[::6] else page is not None and page.ids == (9, 5, 1)


class Graph:
    def __init__(self) -> None:
        self.asked = 0

    async def fetch(self, _viewer: int) -> ViewerRelations:
        self.asked += 1
        return ViewerRelations(frozenset({1, 2}))


@pytest.mark.parametrize(
    "blob",
    [
        *NOBODYS,
        b"1" * 8 + b"\x02",
        b"1" * 8 + b"\x01",
        b"1" * 8 + b"\x01\0\0",
        b"1" * 8 + b"\x01\0\0\0\x09" + bytes(8),
        b"1" * 8 + b"\x01\0\0\0\x00" + bytes(7),
    ],
)
async def test_damaged_relations_are_fetched_anew(client: ValkeyClient, blob: bytes) -> None:
    graph = Graph()

    def reader() -> Reader:
        return Reader(HotLists(client), RelationsCache(client), graph)

    await client.set(relations_key(7), blob)
    for _ in range(4):
        assert (await reader().home(7, None, 10)).relations.following == {1, 2}
    assert graph.asked <= 2
    await client.delete(relations_key(7))
    await client.rpush(relations_key(7), b"a list")
    for _ in range(4):
        found = await reader().home(7, None, 10)
        assert (found.relations.following, found.run) == ({1, 2}, None)
    assert graph.asked <= 4


class Source:
    def __init__(self) -> None:
        self.asked: list[int] = []

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        self.asked += tweet_ids
        return [tweet(each) for each in tweet_ids], []


def tweet(tweet_id: int) -> EncodedTweet:
    body = Tweet(tweet_id=tweet_id, user_id=7, text="hi").SerializeToString()
    return EncodedTweet(tweet_id, 7, deleted=False, visibility=0, body=body)


@pytest.mark.parametrize(
    "value",
    [
        *NOBODYS,
        b"\x00" + bytes(7),
        b"garbage of some length",
        b"fghi of some length, no tombstone",
        b"\x01" + bytes(8) + b"a tombstone with a body",
        b"\x00" + struct.pack(">Q", 7) + tweet(3).body,
        b"\x00" + struct.pack(">Q", 8) + tweet(2).body,
        b"\x00" + struct.pack(">Q", 7) + tweet(2).body[:-1],
        b"\x80" + struct.pack(">Q", 7) + bytes(7),
        b"\x81" + struct.pack(">QQ", 7, 3),
    ],
)
async def test_a_damaged_tweet_is_read_from_its_source(client: ValkeyClient, value: bytes) -> None:
    source, cache = Source(), TweetCache(client, read_tweet=read_tweet)
    await cache.put_many([tweet(1), tweet(3)])
    await client.set(tweet_cache_key(2), value)
    expected = {each: tweet(each) for each in (1, 2, 3)}
    for _ in range(2):
        assert await CachedTweets(LocalTweets(), cache, source).get_many([1, 2, 3]) == expected
    assert source.asked == [2]


async def test_lists_of_one_reader_do_not_hide_those_of_others(client: ValkeyClient) -> None:
    hot = Reader(HotLists(client), RelationsCache(client), Graph())
    for author in (1, 2, 3):
        await hot.begin_warm_author(author, b"t")
        await hot.finish_warm_author(author, b"t", IdRun((author,), ended=True))
    await client.lset(author_list_key(2), 0, b"damaged")
    one, two, three = await hot.authors([1, 2, 3], None, 10)
    assert (one, two, three) == (IdRun((1,), ended=True), None, IdRun((3,), ended=True))
