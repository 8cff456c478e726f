"""Who protects their account is told who asks to follow, until that is answered."""

import asyncio

import pytest
import pytest_asyncio
from aviary.event.v1 import event_pb2

from services.graph.events import GraphEvents, decode_graph_event
from services.notification.ages import DAY_MS
from services.notification.model import Kind
from services.notification.spec import ENTRIES, GROUPS, TABLES
from services.platform.rows.port import RowStore
from tests.contract import row_engines
from tests.contract.notification_world import ADA, BOB, CYD, DAN, World, user_deleted
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the notification service."""
    return World(store)


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, one.siblings)


async def asked(one: World, *requesters: int) -> None:
    for requester in requesters:
        one.clock.ms += 1
        await one.consumers.graph_changed([one.asks(requester, ADA)])


async def test_requests_of_a_day_are_one_notification(one: World, other: World) -> None:
    first = one.asks(BOB, ADA)
    await asyncio.gather(*(each.consumers.graph_changed([first]) for each in (one, other)))
    await asked(one, CYD)
    assert await other.shown(ADA) == [(Kind.REQUEST, 0, (CYD, BOB), 2)]
    assert (await one.reading.unread(ADA)).count == 1
    one.clock.ms += DAY_MS
    await asked(one, DAN)
    expected = [(Kind.REQUEST, 0, (DAN,), 1), (Kind.REQUEST, 0, (CYD, BOB), 2)]
    assert await one.shown(ADA) == await one.shown(ADA, limit=1) == expected


async def test_what_is_taken_back_or_denied_is_gone_and_rings_once(one: World) -> None:
    await asked(one, BOB, CYD)
    before = one.asks(BOB, ADA)
    one.clock.ms += 1
    # Out of order, and repeated.
    await one.consumers.graph_changed([one.asks(BOB, ADA, standing=False), before])
    await one.consumers.graph_changed([before])
    assert await one.shown(ADA) == [(Kind.REQUEST, 0, (CYD,), 1)]
    one.clock.ms += 1
    await one.consumers.graph_changed([one.asks(CYD, ADA, standing=False)])
    assert (await one.shown(ADA), (await one.reading.unread(ADA)).count) == ([], 0)
    one.clock.ms += DAY_MS
    await asked(one, DAN, BOB)
    # Bob is where he was: asking again rings no second time.
    expected = [(Kind.REQUEST, 0, (DAN,), 1), (Kind.REQUEST, 0, (BOB,), 1)]
    assert await one.shown(ADA) == expected


async def test_who_is_approved_is_told_of_neither_as_asking_nor_as_following(one: World) -> None:
    await asked(one, BOB, CYD)
    one.clock.ms += 1
    approved = one.approves(ADA, BOB)
    await one.consumers.graph_changed([approved])
    await one.consumers.graph_changed([approved])
    assert await one.shown(ADA) == [(Kind.REQUEST, 0, (CYD,), 1)]
    one.clock.ms += 1
    await one.consumers.graph_changed([one.follows(BOB, ADA, standing=False)])
    one.clock.ms += 1
    # Of an open account.
    await one.consumers.graph_changed([one.follows(BOB, ADA), one.follows(DAN, ADA)])
    expected = [(Kind.FOLLOW, 0, (BOB, DAN), 2), (Kind.REQUEST, 0, (CYD,), 1)]
    assert await one.shown(ADA) == expected


async def test_nobody_hears_of_requests_of_whom_they_do_not_see(one: World) -> None:
    one.siblings.hidden.add((ADA, BOB))
    await asked(one, BOB, CYD)
    assert await one.shown(ADA) == [(Kind.REQUEST, 0, (CYD,), 1)]
    one.siblings.hidden = {(ADA, CYD)}
    assert (await one.shown(ADA), (await one.reading.unread(ADA)).count) == ([], 0)


async def test_a_block_and_a_deleted_account_end_requests(one: World, store: RowStore) -> None:
    await asked(one, BOB, CYD, DAN)
    one.clock.ms += 1
    # Barred by the block, and made by another process at the same moment: no event names it.
    one.siblings.requests[ADA, BOB] = (False, one.clock.now_ms())
    await one.consumers.graph_changed([GraphEvents().relations_changed([ADA, BOB])])
    assert await one.shown(ADA) == [(Kind.REQUEST, 0, (DAN, CYD), 2)]
    one.siblings.requests[ADA, CYD] = (False, one.clock.now_ms())
    one.siblings.gone.add(CYD)
    await one.consumers.graph_changed([GraphEvents().relations_changed([ADA, CYD])])
    assert await one.shown(ADA) == [(Kind.REQUEST, 0, (DAN,), 1)]
    one.siblings.gone.add(ADA)
    await one.consumers.user_deleted(user_deleted(ADA, one.clock.now_ms()))
    # Also what was under way meanwhile.
    await one.consumers.graph_changed([one.asks(DAN, ADA)])
    for table in (ENTRIES, GROUPS):
        assert not await store.scan(table.name, b"", b"\xff", limit=1)


async def test_what_is_gone_is_not_counted_before_its_message_comes(one: World) -> None:
    await asked(one, BOB)
    assert (await one.reading.unread(ADA)).count == 1
    one.asks(BOB, ADA, standing=False)
    assert (await one.shown(ADA), (await one.reading.unread(ADA)).count) == ([], 0)


async def test_who_does_not_know_of_requests_reads_the_event_all_the_same(one: World) -> None:
    """As of the release before: it reads one of three kinds, and passes over what is beside."""
    body = one.approves(ADA, BOB)
    plain = GraphEvents().follow_changed(BOB, ADA, following=True)
    assert decode_graph_event(body) == decode_graph_event(plain)
    event = event_pb2.GraphEvent.FromString(body)
    assert event.WhichOneof("event") == "follow_changed"
    (request,) = event.requests_changed
    assert (request.requester_id, request.user_id, request.requested) == (BOB, ADA, False)
