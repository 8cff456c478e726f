"""The Valkey adapters on one node and on a cluster of three."""

import random

import pytest

from services.platform.errors import UnavailableError
from services.platform.valkey.connection import ValkeyClient
from services.timeline.hot_lists import HotLists
from services.timeline.keys import home_list_key
from services.timeline.model import IdRun
from services.timeline.relations_cache import RelationsCache
from tests.contract.valkey_clients import client, connected, server
from tests.contract.valkey_servers import valkey_node

__all__ = ["client", "server"]

KEY = home_list_key(7)
# Halves and signs matter: ids that differ only in the high, only in the low 32 bits.
BIG = (1 << 62) + (1 << 31)


@pytest.fixture
def lists(client: ValkeyClient) -> HotLists:
    return HotLists(client, capacity=10)


async def warm(lists: HotLists, ids: list[int], *, complete: bool = True, key: bytes = KEY) -> None:
    assert await lists.begin_warm(key, b"t")
    assert await lists.finish_warm(key, b"t", ids, complete=complete)


async def read(lists: HotLists, key: bytes, before: int | None, count: int) -> IdRun | None:
    (found,) = await lists.read_many([key], before, count)
    return found


async def page(lists: HotLists, before: int | None = None, count: int = 100) -> IdRun:
    found = await read(lists, KEY, before, count)
    assert found is not None
    return found


async def test_an_absent_list_is_a_miss_and_takes_no_push(lists: HotLists) -> None:
    assert await lists.push([KEY], 5) == 0
    assert await read(lists, KEY, None, 10) is None


async def test_pushes_are_sorted_and_not_doubled(lists: HotLists) -> None:
    await warm(lists, [])
    for tweet_id in (BIG, 5, BIG + (1 << 40), BIG - 1, 5, BIG, 1 << 31, 1 << 32, (1 << 63) - 1):
        await lists.push([KEY], tweet_id)
    expected = ((1 << 63) - 1, BIG + (1 << 40), BIG, BIG - 1, 1 << 32, 1 << 31, 5)
    assert await page(lists) == IdRun(expected, ended=True)


async def test_pages_follow_each_other_to_the_end(lists: HotLists) -> None:
    await warm(lists, [5, 4, 3, 2, 1])
    assert await page(lists, None, 2) == IdRun((5, 4), ended=False)
    assert await page(lists, 4, 2) == IdRun((3, 2), ended=False)
    assert await page(lists, 2, 2) == IdRun((1,), ended=True)
    assert await page(lists, 1, 2) == IdRun((), ended=True)
    assert await page(lists, None, 5) == IdRun((5, 4, 3, 2, 1), ended=True)


async def test_an_empty_timeline_is_a_hit(lists: HotLists) -> None:
    await warm(lists, [])
    assert await page(lists) == IdRun((), ended=True)


async def test_a_full_list_is_trimmed_and_opens_no_gap(lists: HotLists) -> None:
    await warm(lists, [])
    for tweet_id in range(100, 200):
        await lists.push([KEY], tweet_id)
    found = await page(lists)
    assert found.ids[:10] == tuple(range(199, 189, -1))
    assert not found.ended
    assert await lists.push([KEY], 50) == 0
    assert (await page(lists)).ids == found.ids
    assert await page(lists, 150) == IdRun((), ended=False)


async def test_pushes_during_a_warm_join_it(lists: HotLists) -> None:
    assert await lists.begin_warm(KEY, b"a")
    for tweet_id in (30, 20, 30, 25):
        assert await read(lists, KEY, None, 10) is None
        await lists.push([KEY], tweet_id)
    assert await lists.finish_warm(KEY, b"a", [20, 10], complete=True)
    assert (await page(lists)).ids == (30, 25, 20, 10)


async def test_a_push_below_an_incomplete_warm_is_left_out(lists: HotLists) -> None:
    assert await lists.begin_warm(KEY, b"a")
    await lists.push([KEY], 5)
    await lists.push([KEY], 40)
    assert await lists.finish_warm(KEY, b"a", [30, 20], complete=False)
    assert await page(lists) == IdRun((40, 30, 20), ended=False)


async def test_a_flood_during_a_warm_keeps_the_claim_and_cuts(lists: HotLists) -> None:
    assert await lists.begin_warm(KEY, b"a")
    for tweet_id in range(100, 200):
        await lists.push([KEY], tweet_id)
    assert await lists.finish_warm(KEY, b"a", [], complete=True)
    found = await page(lists)
    assert found == IdRun(tuple(range(199, 189, -1)), ended=False)


async def test_a_warm_of_more_than_capacity_is_cut(lists: HotLists) -> None:
    await warm(lists, list(range(1, 50)))
    assert (await page(lists)).ids[-1] == 40
    large = HotLists(lists._client, capacity=5_000)
    await lists.drop(KEY)
    await warm(large, list(range(1, 5_001)))
    assert (await page(large, None, 6_000)).ids == tuple(range(5_000, 0, -1))


async def test_one_warmer_at_a_time(lists: HotLists) -> None:
    assert await lists.begin_warm(KEY, b"a")
    assert await lists.begin_warm(KEY, b"a")
    assert not await lists.begin_warm(KEY, b"b")
    assert not await lists.finish_warm(KEY, b"b", [1], complete=True)
    assert await lists.finish_warm(KEY, b"a", [2], complete=True)
    assert not await lists.finish_warm(KEY, b"a", [3], complete=True)
    assert not await lists.begin_warm(KEY, b"c")
    assert (await page(lists)).ids == (2,)


async def test_a_look_that_misses_warms_if_it_is_to(client: ValkeyClient, lists: HotLists) -> None:
    entry = RelationsCache(client).entry(7, b"", b"1" * 8)

    async def look(token: bytes = b"") -> tuple[IdRun | None, bool]:
        _, run, warming, _ = await lists.read_beside(entry, KEY, None, 9, token)
        return run, warming

    assert await look() == (None, False)
    assert await client.exists(KEY) == 0
    assert await look(b"a") == (None, True)
    assert 0 < await client.pttl(KEY) <= 10_000
    # Repeated, as after a lost answer; and by somebody else.
    assert await look(b"a") == (None, True)
    assert await look(b"b") == (None, False)
    await lists.push([KEY], 3)
    assert await lists.finish_warm(KEY, b"a", [2], complete=True)
    assert await look(b"c") == (IdRun((3, 2), ended=True), False)


async def test_a_flush_ends_a_warm(client: ValkeyClient, lists: HotLists) -> None:
    assert await lists.begin_warm(KEY, b"a")
    await client.flushall()
    assert not await lists.finish_warm(KEY, b"a", [1], complete=True)
    assert await lists.begin_warm(KEY, b"b")
    assert not await lists.finish_warm(KEY, b"a", [1], complete=True)
    assert await lists.finish_warm(KEY, b"b", [2], complete=True)
    assert (await page(lists)).ids == (2,)


async def test_remove_takes_one_id_and_restarts_a_warm(lists: HotLists) -> None:
    await warm(lists, [3, 2, 1])
    await lists.remove(KEY, 2)
    assert (await page(lists)).ids == (3, 1)
    await lists.drop(KEY)
    assert await lists.begin_warm(KEY, b"a")
    await lists.remove(KEY, 2)
    assert not await lists.finish_warm(KEY, b"a", [3, 2], complete=True)


async def test_lists_and_claims_expire_and_readers_renew(client: ValkeyClient) -> None:
    lists = HotLists(client, ttl_s=1_000)
    assert await lists.begin_warm(KEY, b"a")
    assert 0 < await client.pttl(KEY) <= 10_000
    await lists.finish_warm(KEY, b"a", [1], complete=True)
    assert 10_000 < await client.pttl(KEY) <= 1_000_000
    await client.pexpire(KEY, 100_000)
    await read(lists, KEY, None, 1)
    assert await client.pttl(KEY) > 500_000


async def test_a_push_reaches_thousands_of_lists(lists: HotLists) -> None:
    keys = [home_list_key(user) for user in range(2_500)]
    for key in keys[::100]:
        await warm(lists, [1], key=key)
    assert await lists.push(keys, 9) == 25
    assert await lists.push(keys, 9) == 0
    assert await read(lists, keys[100], None, 5) == IdRun((9, 1), ended=True)


async def test_each_of_many_lists_takes_its_own_ids(lists: HotLists) -> None:
    rng = random.Random(7)  # noqa: S311 - a reproducible choice, not a secret
    tweets = [rng.randrange(1, 1 << 63) for _ in range(50)]
    given = {home_list_key(user): rng.sample(tweets, rng.randrange(1, 7)) for user in range(700)}
    warmed = [key for key in given if rng.random() < 0.1]
    for key in warmed:
        await warm(lists, [], key=key)
    assert await lists.push_many(given) == len(warmed)
    assert await lists.push_many(given) == 0
    for key in warmed:
        expected = tuple(sorted(given[key], reverse=True))
        assert await read(lists, key, None, 100) == IdRun(expected, ended=True)
    assert await lists.push_many({}) == 0
    assert await lists.push_many({KEY: []}) == 0


async def test_one_list_takes_more_than_one_script_does(client: ValkeyClient) -> None:
    large = HotLists(client, capacity=5_000)
    await warm(large, [7])
    await large.push_many({KEY: range(3_000, 0, -1), home_list_key(8): (1, 2)})
    assert (await page(large, None, 9_000)).ids == tuple(range(3_000, 0, -1))


async def test_scripts_survive_a_server_that_forgot_them(
    client: ValkeyClient, lists: HotLists
) -> None:
    keys = [home_list_key(user) for user in range(20)]
    for key in keys:
        await warm(lists, [1], key=key)
    await lists.push(keys, 2)
    await client.script_flush()
    assert await lists.push(keys, 3) == 20
    await client.script_flush()
    found = await read(lists, keys[0], None, 5)
    assert found is not None
    assert found.ids == (3, 2, 1)


async def test_a_server_that_is_gone_is_unavailable(
    server: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    kind, _ = server
    with valkey_node(tmp_path_factory.mktemp("gone")) as port:
        pass
    made = connected((kind, port))
    try:
        with pytest.raises(UnavailableError):
            await HotLists(made).push([KEY], 1)
    finally:
        await made.aclose()
