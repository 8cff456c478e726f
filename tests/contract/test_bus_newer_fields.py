"""Entries of the Valkey bus that say more than we know: a newer version has written them."""

from typing import Any

import pytest

from services.platform.bus.port import PutBack, Received
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.valkey.connection import ValkeyClient
from tests.contract.bus_engines import (
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import take
from tests.contract.valkey_bus import bus, client, url

__all__ = ["bus", "client", "url", "valkey_cluster_url", "valkey_server"]

NAME = "first.one"
STREAM, DEAD = b"bus:{first.one}", b"bus:{first.one}:dead"
# Also by names that something else has elsewhere.
NEWER: dict[Any, Any] = {b"p": b"urgent", b"r": b"\xff\x00", b"raw:d": b"odd", b"more:x": b"y"}
OWN: dict[Any, Any] = {b"d": b"body", b"a": b"{}", b"n": b"1"}
MORE_THAN_LUA_HANDS_ON = 5_000


async def only(bus: ValkeyStreamsDriver) -> Received:
    (received,) = await take(bus, NAME, 1)
    assert (received.message.data, received.unreadable) == (b"body", None)
    return received


async def said(client: ValkeyClient, key: bytes) -> dict[bytes, bytes]:
    ((_, fields),) = await client.xrange(key)
    return dict(fields)


@pytest.mark.parametrize("why", PutBack)
async def test_a_delayed_message_keeps_them(
    bus: ValkeyStreamsDriver, client: ValkeyClient, why: PutBack
) -> None:
    await client.xadd(STREAM, {**OWN, **NEWER})
    for _ in range(3):
        await bus.delay(NAME, await only(bus), 0.0, why)
    await only(bus)
    assert (await said(client, STREAM)).items() >= NEWER.items()


async def test_one_that_is_taken_from_a_crashed_consumer_keeps_them(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    await client.xadd(STREAM, {**OWN, **NEWER})
    first, again = await only(bus), await only(bus)
    assert (first.attempt, again.attempt) == (1, 2)
    assert (await said(client, STREAM)).items() >= NEWER.items()


async def test_a_dead_letter_keeps_them_and_gives_them_back(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    await client.xadd(STREAM, {**OWN, **NEWER})
    await bus.delay(NAME, await only(bus), 0.0)
    await bus.dead_letter(NAME, await only(bus), "why")
    (letter,) = await bus.list_dead_letters(NAME, limit=9)
    assert (letter.message.data, letter.reason, letter.raw) == (b"body", "why", None)
    assert await bus.redrive(NAME, limit=9) == 1
    again = await only(bus)
    assert again.attempt == 1
    assert await said(client, STREAM) == {**OWN, **NEWER}


async def test_one_that_was_unreadable_to_us_keeps_them_too(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    await client.xadd(STREAM, {**OWN, b"n": b"many", b"p": b"urgent"})
    (received,) = await take(bus, NAME, 1)
    assert received.unreadable is not None
    await bus.dead_letter(NAME, received, received.unreadable)
    assert await bus.redrive(NAME, limit=9) == 1
    assert await said(client, STREAM) == {**OWN, b"p": b"urgent"}


async def test_however_many_there_are_the_message_goes_on(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    many = {b"x%d" % number: b"y" for number in range(MORE_THAN_LUA_HANDS_ON)}
    await client.xadd(STREAM, {**OWN, **many})
    await bus.delay(NAME, await only(bus), 0.0)
    await bus.dead_letter(NAME, await only(bus), "why")
    assert await bus.redrive(NAME, limit=9) == 1
    await only(bus)
    assert (await said(client, STREAM)).keys() == {*OWN, b"packed"}
