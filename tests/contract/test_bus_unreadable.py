"""Entries of the Valkey bus that cannot be read: each stands alone. One node and a cluster."""

import asyncio
from collections.abc import Mapping
from typing import Any

from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.valkey.connection import ValkeyClient
from tests.contract.bus_engines import (
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import consumer_of, take, until
from tests.contract.valkey_bus import bus, client, url

__all__ = ["bus", "client", "url", "valkey_cluster_url", "valkey_server"]

NAME = "first.one"
STREAM, DELAYED, DEAD = b"bus:{first.one}", b"bus:{first.one}:delayed", b"bus:{first.one}:dead"
GOOD: dict[Any, Any] = {b"d": b"body", b"a": b"{}", b"n": b"1"}
MORE_THAN_LUA_HANDS_ON = 5_000
BAD: Mapping[str, dict[Any, Any]] = {
    "no body": {b"a": b"{}", b"n": b"1"},
    "no attributes": {b"d": b"x", b"n": b"1"},
    "no count": {b"d": b"x", b"a": b"{}"},
    "a count of letters": {**GOOD, b"n": b"many"},
    "a count beyond all": {**GOOD, b"n": b"9" * 400},
    "a negative count": {**GOOD, b"n": b"-5"},
    "outages of letters": {**GOOD, b"o": b"x"},
    "a time of letters": {**GOOD, b"t": b"\xff"},
    "attributes not UTF-8": {**GOOD, b"a": b'{"k": "\xff"}'},
    "attributes not JSON": {**GOOD, b"a": b"\x1b[2J"},
    "attributes too deep": {**GOOD, b"a": b"[" * 100_000},
    "attributes no object": {**GOOD, b"a": b"[]"},
    "attributes no texts": {**GOOD, b"a": b'{"k": 1}'},
    "something else": {b"\xff\x00": b"\xfe", b"r": b"mine", b"raw:d": b"odd"},
}


async def publish_between(bus: ValkeyStreamsDriver, client: ValkeyClient) -> set[bytes]:
    """Each bad entry between two good messages; gives the bodies of these."""
    sent = []
    for fields in BAD.values():
        sent.append(Message(b"%d" % len(sent)))
        await bus.publish("first", sent[-1:])
        await client.xadd(STREAM, fields)
    sent.append(Message(b"last"))
    await bus.publish("first", sent[-1:])
    return {each.data for each in sent}


async def handled(bus: ValkeyStreamsDriver, most: int) -> set[bytes]:
    """What a consumer is given until the queue is empty."""
    seen: list[bytes] = []

    async def handler(message: Message, _: int) -> None:
        seen.append(message.data)

    consumer = consumer_of(bus, handler)
    await consumer.start()
    await until(lambda: len(seen) >= most)
    async with asyncio.timeout(20):
        while await bus.backlog(NAME):  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(0.01)
    await consumer.stop()
    assert len(seen) == most
    return set(seen)


async def test_the_others_of_a_batch_are_delivered(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    good = await publish_between(bus, client)
    assert await handled(bus, len(good)) == good
    letters = await bus.list_dead_letters(NAME, limit=100)
    assert sorted(map(str, (each.raw for each in letters))) == sorted(map(str, BAD.values()))
    assert all(each.reason.startswith("unreadable: ") for each in letters)
    assert await bus.dead_letters(NAME) == len(BAD)


async def test_an_abandoned_batch_is_taken_over(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    good = await publish_between(bus, client)
    assert len(await take(bus, NAME, len(good) + len(BAD))) == len(good) + len(BAD)
    assert await handled(bus, len(good)) == good
    assert await bus.dead_letters(NAME) == len(BAD)


async def test_what_is_delayed_beside_it_comes(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    # Among them what unpacks to a number, a text, and lists of too little or of lists.
    bad = [b"garbage", b"", b"\xc1", b"\x93\x01\x02\x03", b"\xa5hello", b"\x96" + b"\x90" * 6]
    await client.zadd(DELAYED, dict.fromkeys(bad, 1))
    await bus.publish("first", [Message(b"later")])
    for received in await take(bus, NAME, len(bad) + 1):
        if received.unreadable is None:
            await bus.delay(NAME, received, 0)
        else:
            await bus.dead_letter(NAME, received, received.unreadable)
    assert await handled(bus, 1) == {b"later"}
    letters = await bus.list_dead_letters(NAME, limit=100)
    assert {each.raw[b"delayed"] for each in letters if each.raw} == set(bad)


async def test_dead_letters_of_any_form_are_listed_and_redriven(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    await bus.publish("first", [Message(b"good", {"k": "v"})])
    odd: list[dict[Any, Any]] = [{b"d": b"x", b"a": b"nothing", b"r": b"\xff"}]
    for fields in (*odd, {b"r": b"why"}, {b"z": b""}):
        await client.xadd(DEAD, fields)
    [received] = await take(bus, NAME, 1)
    await bus.dead_letter(NAME, received, "it is bad \ud800")
    letters = await bus.list_dead_letters(NAME, limit=100)
    assert [each.raw is None for each in letters] == [False, False, False, True]
    assert letters[-1].message == Message(b"good", {"k": "v"})
    assert await bus.redrive(NAME, limit=100) == 4
    assert await handled(bus, 1) == {b"good"}
    # Those that cannot be read are back, and nothing of them was lost.
    again = await bus.list_dead_letters(NAME, limit=100)
    assert [each.raw for each in again] == [
        {b"d": b"x", b"a": b"nothing", b"n": b"1"},
        {b"r": b"why"},
        {b"z": b""},
    ]


async def test_a_redriven_message_counts_anew(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    await client.xadd(STREAM, {**GOOD, b"n": b"many"})
    assert await handled_none(bus) == 1
    assert await bus.redrive(NAME, limit=100) == 1
    assert await handled(bus, 1) == {b"body"}
    assert await bus.dead_letters(NAME) == 0


async def test_more_fields_than_lua_can_hand_on(
    bus: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    many: dict[Any, Any] = {b"%d" % number: b"x" for number in range(MORE_THAN_LUA_HANDS_ON)}
    await client.xadd(STREAM, many)
    assert await handled_none(bus) == 1
    [letter] = await bus.list_dead_letters(NAME, limit=100)
    assert letter.raw is not None
    assert [*letter.raw] == [b"packed"]
    # Nor does one among the dead letters hold up those after it.
    await client.xadd(DEAD, many)
    await client.xadd(DEAD, {b"d": b"body", b"a": b"{}", b"r": b"why"})
    assert await bus.redrive(NAME, limit=100) == 3
    assert await handled(bus, 1) == {b"body"}
    assert await bus.dead_letters(NAME) == 2


async def handled_none(bus: ValkeyStreamsDriver) -> int:
    """Consume until there is a dead letter; gives how many there are."""

    async def handler(message: Message, _: int) -> None:
        raise AssertionError(message)

    consumer = consumer_of(bus, handler)
    await consumer.start()
    async with asyncio.timeout(20):
        while not (count := await bus.dead_letters(NAME)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    await consumer.stop()
    return count
