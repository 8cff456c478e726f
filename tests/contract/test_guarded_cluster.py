"""A cluster of which one node hangs or is gone: it alone is not asked, until it can be."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from services.platform.errors import UnavailableError
from services.platform.valkey.breaker import CALL_TIMEOUT_S
from services.platform.valkey.connection import valkey_errors
from services.platform.valkey.guarded_cluster import GuardedCluster, open_guarded
from tests.contract.valkey_servers import valkey_cluster

WITHIN_S = 20
AT_ONCE_S = CALL_TIMEOUT_S / 2
READERS = 20
LOOKS = 10


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with valkey_cluster(tmp_path) as port:
        yield port


@pytest.fixture
async def cluster(port: int) -> AsyncIterator[GuardedCluster]:
    """Its lines are open, as those of a process that serves are."""
    client = cast("GuardedCluster", open_guarded(f"redis://127.0.0.1:{port}/0?cluster=true"))
    await client.initialize()
    for key in keys(client).values():
        await client.lines.call(key, ("SET", key, b"1"))
    yield client
    await client.aclose()


def keys(client: GuardedCluster) -> dict[int, bytes]:
    """A key for each node, by its port."""
    found: dict[int, bytes] = {}
    for number in count():
        key = b"key%d" % number
        node = client.nodes_manager.get_node_from_slot(client.keyslot(key))
        found.setdefault(int(node.port), key)
        if len(found) == 3:
            return found
    raise AssertionError


def process_of(port: int) -> int:
    with closing(Redis(port=port)) as node:
        return int(node.info("server")["process_id"])


async def got(client: GuardedCluster, key: bytes) -> bytes:
    with valkey_errors():
        answer: bytes = await client.lines.call(key, ("GET", key))
    return answer


async def refused_after_s(client: GuardedCluster, key: bytes) -> float:
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        await got(client, key)
    return time.monotonic() - began


async def comes_back(client: GuardedCluster, key: bytes) -> None:
    async with asyncio.timeout(WITHIN_S):
        while any(each.is_open for each in client.breakers.values()):  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0.01)
    assert await got(client, key) in {b"1", None}


async def test_a_node_that_hangs_costs_one_time_out(cluster: GuardedCluster) -> None:
    own, *others = keys(cluster).items()
    process_id = process_of(own[0])
    os.kill(process_id, signal.SIGSTOP)
    try:
        # All who ask at once wait together.
        began = time.monotonic()
        failed = await asyncio.gather(
            *(got(cluster, own[1]) for _ in range(READERS)), return_exceptions=True
        )
        assert {type(each) for each in failed} == {UnavailableError}
        assert time.monotonic() - began < 2 * CALL_TIMEOUT_S
        for _ in range(LOOKS):
            assert await refused_after_s(cluster, own[1]) < AT_ONCE_S
            assert [await got(cluster, key) for _, key in others] == [b"1", b"1"]
        assert [each.is_open for each in cluster.breakers.values()].count(True) == 1
        # One that also asks those nodes that answer fails as soon.
        began = time.monotonic()
        with pytest.raises(UnavailableError), valkey_errors():
            await cluster.lines.call_many([(key, ("GET", key)) for _, key in (own, *others)])
        assert time.monotonic() - began < AT_ONCE_S
    finally:
        os.kill(process_id, signal.SIGCONT)
    await comes_back(cluster, own[1])


async def test_another_that_takes_the_place_of_one_that_is_gone_is_asked(
    cluster: GuardedCluster,
) -> None:
    own, *others = keys(cluster).items()
    os.kill(process_of(own[0]), signal.SIGKILL)
    with pytest.raises(UnavailableError):
        await got(cluster, own[1])
    slot = cluster.keyslot(own[1])
    for port, _ in others:
        with closing(Redis(port=port)) as node:
            node.execute_command("CLUSTER", "DELSLOTS", slot)  # type: ignore[no-untyped-call]
    with closing(Redis(port=others[0][0])) as heir:
        heir.execute_command("CLUSTER", "ADDSLOTS", slot)  # type: ignore[no-untyped-call]
        heir.execute_command("CLUSTER", "BUMPEPOCH")  # type: ignore[no-untyped-call]
    await comes_back(cluster, own[1])
