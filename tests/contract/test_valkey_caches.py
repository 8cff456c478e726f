"""The caches in Valkey and above it: tweets, and relations."""

import asyncio
import struct
from collections.abc import Sequence

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.muting.words import muted_words
from services.platform.valkey.connection import ValkeyClient
from services.timeline.hot_lists import HotLists
from services.timeline.hydration import CachedTweets
from services.timeline.keys import home_list_key
from services.timeline.local_tweets import LocalTweets
from services.timeline.model import EncodedTweet, IdRun, ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.tweet_cache import TweetCache
from tests.contract.cached_tweets import tweet
from tests.contract.timeline_readers import Reader
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]


async def test_cached_tweets_come_back_and_tombstones_stay(client: ValkeyClient) -> None:
    cache = TweetCache(client)
    tweets = [
        EncodedTweet(
            n,
            n + (1 << 62),
            deleted=False,
            visibility=n,
            body=Tweet(tweet_id=n, user_id=n + (1 << 62), text="\0" * n).SerializeToString(),
        )
        for n in range(1, 50)
    ]
    assert await cache.get_many([]) == {}
    await cache.put_many([])
    await cache.put_many(tweets)
    assert await cache.get_many([1, 99, 49]) == {1: tweets[0], 49: tweets[48]}
    await cache.put_tombstone(1)
    await cache.put_many(tweets)
    assert (await cache.get_many([1]))[1].deleted
    assert 0 < await client.ttl("tweet:1") <= 86_400
    for each in (1, 49, 99):
        # Only a tombstone is forgotten: what was read since stays.
        await cache.forget(each)
    assert await cache.get_many([1, 99, 49]) == {49: tweets[48]}


async def test_relations_fill_only_under_a_live_nonce(client: ValkeyClient) -> None:
    cache, lists = RelationsCache(client), HotLists(client)
    first, second = b"1" * 8, b"2" * 8
    nobody = ViewerRelations(frozenset())
    old, new = ViewerRelations(frozenset({1})), ViewerRelations(frozenset({2, 3}), frozenset({3}))

    async def peek(new_nonce: bytes, known: bytes = b"") -> tuple[bytes, ViewerRelations | None]:
        entry, page, _, _ = await lists.read_beside(
            cache.entry(7, known, new_nonce), home_list_key(7), None, 10
        )
        assert page is None
        return cache.parse(entry)

    assert await peek(first) == (first, None)
    assert await peek(second) == (first, None)
    await cache.invalidate([7])
    assert not await cache.fill(7, first, old)
    assert await peek(second) == (second, None)
    assert not await cache.fill(7, first, old)
    assert await cache.fill(7, second, nobody)
    assert await peek(first) == (second, nobody)
    assert await cache.fill(7, second, new)
    assert await peek(first) == (second, new)
    assert await peek(first, known=second) == (b"", None)
    with pytest.raises(ValueError, match="nonce"):
        cache.entry(7, b"", b"short")


@pytest.mark.parametrize("said", [(), ("fox",), ("\u4e1c", "two words", "x" * 100) * 60])
async def test_relations_keep_muted_words_also_from_releases_without(
    client: ValkeyClient, said: tuple[str, ...]
) -> None:
    """Those neither lose them nor show them, and what those keep says nothing of them."""
    cache, lists, nonce = RelationsCache(client), HotLists(client), b"1" * 8
    hidden = frozenset({3})
    kept = ViewerRelations(frozenset({1, 2}), hidden, muted_words(said))

    async def peek() -> tuple[bytes, bytes]:
        entry = cache.entry(7, b"", nonce)
        found, *_ = await lists.read_beside(entry, home_list_key(7), None, 10)
        return found, found[9:]

    await peek()
    assert await cache.fill(7, nonce, kept)
    entry, filled = await peek()
    assert cache.parse(entry) == (nonce, kept)
    # As the release before read it.
    (following,) = struct.unpack_from(">I", filled)
    ids = struct.unpack(f">{(len(filled) - 4) // 8}Q", filled[4:])
    assert set(ids[:following]) == {1, 2}
    strangers = set(ids[following:]) - hidden
    assert strangers
    assert all(one >= 1 << 63 for one in strangers), "no ids"
    # As it wrote it.
    older = struct.pack(">I3Q", 2, 1, 2, 3)
    assert cache.parse(nonce + b"\x01" + older) == (nonce, None)


async def test_relations_that_lack_some_who_are_hidden_say_so(client: ValkeyClient) -> None:
    cache, lists, nonce = RelationsCache(client), HotLists(client), b"1" * 8
    part = ViewerRelations(
        frozenset({1, 2}), frozenset({2}), muted_words(("fox",)), hides_others=True
    )
    entry = cache.entry(7, b"", nonce)
    await lists.read_beside(entry, home_list_key(7), None, 10)
    assert await cache.fill(7, nonce, part)
    found, *_ = await lists.read_beside(entry, home_list_key(7), None, 10)
    assert cache.parse(found) == (nonce, part)
    assert not found[len(nonce) :].startswith(b"\x01"), "none to a process of the release before"
    for damaged in (found[:9], found[:-1], nonce + b"\x03" + found[9:]):
        assert cache.parse(damaged) == (nonce, None)


class Graph:
    """Relations that a test sets, and how often they were asked for."""

    def __init__(self) -> None:
        self.relations = ViewerRelations(frozenset({1, 2, 3}), frozenset({3}))
        self.asked = 0

    async def fetch(self, _viewer: int) -> ViewerRelations:
        self.asked += 1
        return self.relations


async def test_relations_are_fetched_once_until_they_change(client: ValkeyClient) -> None:
    graph, cache, lists = Graph(), RelationsCache(client), HotLists(client)
    one, other = (Reader(lists, cache, graph) for _ in range(2))
    assert (await one.home(7, None, 10)).run is None
    assert await lists.begin_warm(home_list_key(7), b"t")
    assert await lists.finish_warm(home_list_key(7), b"t", [5, 4], complete=True)
    for reader in (one, other, one, other):
        hot = await reader.home(7, None, 10)
        assert hot.relations == graph.relations
        assert hot.relations.shown == {1, 2}
        assert hot.run == IdRun((5, 4), ended=True)
    assert graph.asked == 1
    graph.relations = ViewerRelations(frozenset())
    await cache.invalidate([7])
    for reader in (one, other):
        assert (await reader.home(7, None, 10)).relations == graph.relations
    assert graph.asked == 2


class Source:
    def __init__(self, tweets: Sequence[EncodedTweet]) -> None:
        self.tweets = {each.tweet_id: each for each in tweets}
        self.asked: list[int] = []

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        self.asked += tweet_ids
        found = [self.tweets[i] for i in tweet_ids if i in self.tweets]
        return found, [i for i in tweet_ids if i not in self.tweets]


async def test_readers_of_the_same_moment_fetch_each_tweet_once(client: ValkeyClient) -> None:
    source, local = Source([tweet(number) for number in range(1, 9)]), LocalTweets()
    local.open()
    tweets = CachedTweets(local, TweetCache(client), source)
    wanted = [[1, 2, 3], [2, 3, 4], [9, 1], [5, 6]]
    found = await asyncio.gather(*map(tweets.get_many, wanted))
    for ids, each in zip(wanted, found, strict=True):
        assert {one for one in each if not each[one].deleted} == set(ids) - {9}
        assert set(each) <= set(ids)
    assert sorted(source.asked) == [1, 2, 3, 4, 5, 6, 9]


async def test_tweets_come_from_the_nearest_that_has_them(client: ValkeyClient) -> None:
    source, local = Source([tweet(1), tweet(2)]), LocalTweets()
    local.open()
    tweets = CachedTweets(local, TweetCache(client), source)
    for _ in range(3):
        assert await tweets.get_many([1, 2]) == {1: tweet(1), 2: tweet(2)}
    assert source.asked == [1, 2]
    await client.flushall()
    assert await tweets.get_many([2]) == {2: tweet(2)}
    assert source.asked == [1, 2]
    await CachedTweets(LocalTweets(), TweetCache(client), source).get_many([2])
    assert source.asked == [1, 2, 2]


async def test_what_is_not_found_is_asked_for_once_by_all_readers(client: ValkeyClient) -> None:
    source, cache = Source([tweet(1), tweet(3)]), TweetCache(client)

    async def read(*tweet_ids: int) -> dict[int, EncodedTweet]:
        # A process of its own each time: nothing comes out of its memory.
        return await CachedTweets(LocalTweets(), cache, source).get_many(tweet_ids)

    for _ in range(3):
        assert await read(1, 2) == {1: tweet(1), 2: EncodedTweet.tombstone(2)}
    assert source.asked == [1, 2]
    assert 60 < await client.ttl("tweet:2") <= 3_600

    await cache.put_tombstone(2)
    await cache.put_missing([EncodedTweet.tombstone(2), EncodedTweet.tombstone(1)])
    assert await client.ttl("tweet:2") > 3_600, "what is known to be deleted stays so for longer"
    assert await read(1) == {1: tweet(1)}


async def test_a_process_keeps_what_was_not_found(client: ValkeyClient) -> None:
    source, local = Source([]), LocalTweets()
    local.open()
    tweets = CachedTweets(local, TweetCache(client), source)
    await tweets.get_many([2])
    await client.flushall()
    assert (await tweets.get_many([2]))[2].deleted
    assert source.asked == [2]


async def test_what_is_withheld_is_asked_for_by_no_page_but_once_in_a_while(
    client: ValkeyClient,
) -> None:
    class Withholding(Source):
        async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
            return (await super().lookup(tweet_ids))[0], []

    source, local = Withholding([tweet(1)]), LocalTweets()
    local.open()
    tweets = CachedTweets(local, TweetCache(client), source)
    for _ in range(3):
        assert await tweets.get_many([1, 2]) == {1: tweet(1), 2: EncodedTweet.tombstone(2)}
    assert source.asked == [1, 2]
    assert not await client.exists("tweet:2"), "others are to see it again soon"
