"""Random histories of hot lists: whatever happens to one, it is sorted and has no gap."""

import random

import pytest

from services.platform.valkey.connection import ValkeyClient
from services.timeline.hot_lists import HotLists
from services.timeline.keys import home_list_key
from services.timeline.model import IdRun
from services.timeline.relations_cache import RelationsCache
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

KEY = home_list_key(7)


@pytest.fixture
def lists(client: ValkeyClient) -> HotLists:
    return HotLists(client, capacity=10)


class History:
    """A timeline's durable truth, and random steps of its writers and warmers."""

    def __init__(self, client: ValkeyClient, lists: HotLists, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a reproducible history, not a secret
        self.durable: set[int] = set()
        self.undelivered: set[int] = set()
        self._client = client
        self._lists = lists
        self._entry = RelationsCache(client).entry(7, b"", b"1" * 8)
        self._delivered: set[int] = set()
        self._claims: list[tuple[bytes, list[int], bool]] = []

    async def step(self) -> None:
        pushes = [self.deliver] * 3 + [self.deliver_many] * 3
        common = [self.write] * 3 + pushes + [self.redeliver] * 2
        warms = [self.begin_warm, self.finish_warm] * 2
        # A list that is lost at every other step would never grow to its capacity.
        rare = [self.remove, self.drop, self.flush] if self.rng.random() < 0.2 else []
        await self.rng.choice(common + warms + rare)()

    async def write(self) -> None:
        new = {self.rng.randrange(1, 1 << 63) for _ in range(3)} - self.durable
        self.durable |= new
        self.undelivered |= new

    async def deliver(self) -> None:
        for tweet_id in sorted(self.undelivered)[-1:] + sorted(self.undelivered)[:1]:
            await self._lists.push([KEY], tweet_id)
            self.undelivered.discard(tweet_id)
            self._delivered.add(tweet_id)

    async def deliver_many(self) -> None:
        """In one call, some of them again, and in any order."""
        new = self.rng.sample(sorted(self.undelivered), min(len(self.undelivered), 4))
        again = self.rng.sample(sorted(self._delivered), min(len(self._delivered), 2))
        ids = [*new, *again, *new[:1]]
        self.rng.shuffle(ids)
        await self._lists.push_many({KEY: ids})
        self.undelivered.difference_update(new)
        self._delivered.update(new)

    async def redeliver(self) -> None:
        if self._delivered:
            await self._lists.push([KEY], self.rng.choice(sorted(self._delivered)))

    async def begin_warm(self) -> None:
        token = self.rng.randbytes(8)
        if self.rng.random() < 0.5:
            begun = await self._lists.begin_warm(KEY, token)
        else:
            _, _, begun, _ = await self._lists.read_beside(self._entry, KEY, None, 9, token)
        if begun:
            limit = self.rng.choice([3, 10, 1_000])
            known = sorted(self.durable, reverse=True)[:limit]
            self._claims.append((token, known, len(self.durable) <= limit))

    async def finish_warm(self) -> None:
        if self._claims:
            token, known, complete = self._claims.pop(self.rng.randrange(len(self._claims)))
            await self._lists.finish_warm(KEY, token, known, complete=complete)

    async def remove(self) -> None:
        if self._delivered:
            gone = self.rng.choice(sorted(self._delivered))
            self._delivered.discard(gone)
            self.durable.discard(gone)
            await self._lists.remove(KEY, gone)

    async def drop(self) -> None:
        await self._lists.drop(KEY)

    async def flush(self) -> None:
        await self._client.flushall()


@pytest.mark.parametrize("seed", range(12))
async def test_random_histories_stay_sorted_and_contiguous(
    client: ValkeyClient, lists: HotLists, seed: int
) -> None:
    history = History(client, lists, seed)
    hits = 0
    for _ in range(150):
        await history.step()
        hits += await check(lists, history.durable, history.undelivered, history.rng)
    assert hits > 20


async def check(
    lists: HotLists, durable: set[int], undelivered: set[int], rng: random.Random
) -> bool:
    (found,) = await lists.read_many([KEY], None, 1_000)
    if found is None:
        return False
    assert list(found.ids) == sorted(set(found.ids), reverse=True)
    assert len(found.ids) <= 11
    assert set(found.ids) <= durable
    floor = 0 if found.ended else found.ids[-1]
    assert {known for known in durable - undelivered if known >= floor} <= set(found.ids)
    before, count = rng.choice([*durable, 1 << 62]), rng.randrange(1, 12)
    expected = tuple(known for known in found.ids if known < before)
    (page,) = await lists.read_many([KEY], before, count)
    assert page == IdRun(expected[:count], ended=found.ended and len(expected) <= count)
    return True
