"""Records are read to their end, on each engine, however many there are."""

import asyncio

from services.identity.model import Credential, Session
from services.identity.store import ROWS_PER_SCAN, Records
from services.platform.rows.port import RowStore, TableSpec
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

MANY = 2 * ROWS_PER_SCAN + 100
FIRST = TableSpec("first")


async def test_all_keys_with_the_prefix_are_read_in_order(store: RowStore) -> None:
    records = Records(store, FIRST, Session)
    wanted = [f"b.{number:05}" for number in range(MANY)] + ["b.\u00ff", "b.\U0010ffff"]
    await asyncio.gather(*(records.put(key, Session(key)) for key in wanted))
    for key in ("a", "b", "b-", "b/", "c", "\u00ff"):
        await records.put(key, Session(key))
    assert [key async for key, _ in records.stream("b.")] == wanted
    assert list(await records.all("b.")) == wanted
    assert len(await records.all()) == len(wanted) + 6


async def test_what_is_removed_meanwhile_hides_nothing(store: RowStore) -> None:
    records = Records(store, FIRST, Session)
    keys = [f"{number:05}" for number in range(MANY)]
    await asyncio.gather(*(records.put(key, Session(key)) for key in keys))
    seen = []
    async for key, record in records.stream():
        seen.append(key)
        assert await records.remove(key, record)
    assert seen == keys
    assert await records.all() == {}


async def test_fields_that_came_later_change_no_row_from_before(store: RowStore) -> None:
    records = Records(store, FIRST, Credential)
    before = b'{"password_hash":"h","set_at_ms":1}'
    await records.put("1", Credential("h", 1))
    assert (await store.read_rows("first", [b"1"]))[b"1"].cells[b"body"] == before
    changed = Credential("i", 2, generation=1, kept_session="s")
    assert await records.replace("1", Credential("h", 1), changed)
    assert await records.get("1") == changed
