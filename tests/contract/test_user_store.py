"""The contract of the user store, on each engine."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.platform.outbox.outbox import Outbox
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.user.model import Account, HandleClaim, RequestKey, RequestMark, RequestRecord, User
from services.user.spec import OUTBOX, TABLES
from services.user.store import RowUserStore
from tests.contract.row_engines import bigtable_emulator

__all__ = ["bigtable_emulator"]

ADA = User(7, "Ada", "Ada é", 1_800_000_000_000)


async def open_bigtable() -> RowStore:
    # Imported late: machines without the Google client still run the SQLite half.
    from services.platform.rows.bigtable.rows import BigtableRowStore  # noqa: PLC0415
    from services.platform.rows.bigtable.schema import ensure_schema  # noqa: PLC0415

    instance = f"test-{uuid.uuid4().hex}"
    await ensure_schema("test", instance, [*TABLES, OUTBOX])
    return BigtableRowStore("test", instance, [*TABLES, OUTBOX], SystemClock())


async def open_sqlite(path: Path) -> RowStore:
    rows = SqliteRowStore(path, [*TABLES, OUTBOX], SystemClock())
    await rows.open()
    return rows


@pytest.fixture(params=["sqlite", "bigtable"])
async def rows(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RowStore]:
    if request.param == "bigtable":
        monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", request.getfixturevalue("bigtable_emulator"))
        opened = await open_bigtable()
    else:
        opened = await open_sqlite(tmp_path / "rows.db")
    yield opened
    await opened.close()


@pytest.fixture
def outbox(rows: RowStore) -> Outbox:
    return Outbox(rows, SystemClock(), OUTBOX)


@pytest.fixture
def users(rows: RowStore, outbox: Outbox) -> RowUserStore:
    return RowUserStore(rows, outbox)


async def test_a_row_changes_only_from_what_it_is(users: RowUserStore) -> None:
    assert await users.find(ADA.user_id) is None
    assert not await users.was_created(ADA.user_id)
    assert await users.add(ADA)
    assert not await users.add(replace(ADA, handle="other"))
    first = Account(ADA)
    assert await users.find(ADA.user_id) == first
    second = Account(replace(ADA, handle="bob"), 1, RequestMark("r", "digest"))
    assert await users.replace(first, second)
    assert not await users.replace(first, Account(ADA, 1))
    assert await users.find(ADA.user_id) == second
    assert await users.get([ADA.user_id, 8]) == {ADA.user_id: second.user}


async def test_no_body_outlives_a_deletion_whatever_clock_wrote_it(
    users: RowUserStore, rows: RowStore
) -> None:
    await users.add(ADA)
    key = user_row_key(ADA.user_id)
    written = (await rows.read_rows("users", [key]))[key].cells
    ahead_ms = SystemClock().now_ms() + 7_200_000
    await rows.mutate([RowMutation("users", key, written, timestamp_ms=ahead_ms)])
    await users.delete(ADA.user_id, SystemClock().now_ms(), b"gone")
    assert await users.get([ADA.user_id]) == {}
    assert (await rows.read_rows("users", [key]))[key].cells[b"body"] == b""
    assert not await users.replace(Account(ADA), Account(ADA, 1))


async def test_deletion_is_for_good(users: RowUserStore, rows: RowStore, outbox: Outbox) -> None:
    await users.add(ADA)
    for _ in range(2):
        await users.delete(ADA.user_id, 1_800_000_000_000, b"gone")
    assert await users.get([ADA.user_id]) == {}
    assert await users.find(ADA.user_id) is None
    assert await users.was_created(ADA.user_id)
    assert not await users.add(ADA)
    assert not await users.replace(Account(ADA), Account(ADA, 1))
    assert await users.bar(ADA.user_id)
    assert await users.was_created(ADA.user_id)
    (row,) = (await rows.read_rows("users", [b"%016x" % ADA.user_id])).values()
    assert row.cells[b"body"] == b""
    (entry,) = await outbox.pending(0, 10)
    assert (entry.topic, entry.data) == ("user-events", b"gone")


async def test_a_barred_id_never_names_anybody(users: RowUserStore) -> None:
    assert await users.bar(ADA.user_id)
    assert await users.bar(ADA.user_id)
    assert not await users.add(ADA)
    assert not await users.was_created(ADA.user_id)
    assert await users.get([ADA.user_id]) == {}
    other = replace(ADA, user_id=8)
    await users.add(other)
    assert not await users.bar(8)
    assert await users.find(8) == Account(other)


async def test_a_claim_changes_hands_only_from_what_it_is(users: RowUserStore) -> None:
    first, second = HandleClaim(7, 1), HandleClaim(7, 2)
    assert await users.replace_claim("ada", None, first)
    assert not await users.replace_claim("ada", None, second)
    assert await users.replace_claim("ada", first, second)
    assert not await users.replace_claim("ada", first, None)
    assert await users.get_claim("ada") == second
    assert await users.replace_claim("ada", second, None)
    assert await users.get_claim("ada") is None
    assert await users.replace_claim("ada", None, first)


async def test_a_request_is_bound_once_and_answered_once(users: RowUserStore) -> None:
    key = RequestKey(7, "r")
    assert await users.find_request(key) is None
    await users.answer_request(key, RequestRecord("digest", ADA))
    assert await users.find_request(key) is None
    bound = RequestRecord("digest")
    assert await users.bind_request(key, bound) == bound
    assert await users.bind_request(key, RequestRecord("other")) == bound
    await users.answer_request(key, RequestRecord("other", ADA))
    assert await users.find_request(key) == bound
    answered = RequestRecord("digest", ADA)
    await users.answer_request(key, answered)
    await users.answer_request(key, RequestRecord("digest", replace(ADA, handle="late")))
    assert await users.find_request(key) == answered
    assert await users.find_request(RequestKey("7", "r")) is None
    assert await users.find_request(RequestKey(7, "s")) is None
