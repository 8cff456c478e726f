"""The engines that the row store contract runs on, as fixtures to import."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.platform.rows.port import RowStore, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import Clock, SystemClock
from tests.emulators import bigtable_emulator

__all__ = ["CLOCK", "TABLES", "bigtable_emulator", "open_rows", "store"]

OUTBOX = TableSpec("outbox")
TABLES = (TableSpec("first"), TableSpec("second"), TableSpec("aging", max_age_s=60), OUTBOX)
CLOCK: Clock = SystemClock()


@contextlib.asynccontextmanager
async def _sqlite(path: Path, tables: Sequence[TableSpec]) -> AsyncIterator[RowStore]:
    opened = SqliteRowStore(path, tables, CLOCK)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def _bigtable(tables: Sequence[TableSpec]) -> AsyncIterator[RowStore]:
    # Imported late: machines without the Google client still run the SQLite half.
    from services.platform.rows.bigtable.rows import BigtableRowStore  # noqa: PLC0415
    from services.platform.rows.bigtable.schema import ensure_schema  # noqa: PLC0415

    # An instance of its own gives each test empty tables.
    instance = f"test-{uuid.uuid4().hex}"
    await ensure_schema("test", instance, tables)
    opened = BigtableRowStore("test", instance, tables, CLOCK)
    try:
        yield opened
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def open_rows(
    request: pytest.FixtureRequest, folder: Path, tables: Sequence[TableSpec]
) -> AsyncIterator[RowStore]:
    """An empty store of the engine that the fixture's parameter names, with these tables."""
    if request.param == "sqlite-newest-first":
        tables = [replace(each, newest_first=True) for each in tables]
    if request.param.startswith("sqlite"):
        async with _sqlite(folder / "rows.db", tables) as opened:
            yield opened
        return
    with pytest.MonkeyPatch.context() as patch:
        # Google's client reads it by itself.
        patch.setenv("BIGTABLE_EMULATOR_HOST", request.getfixturevalue("bigtable_emulator"))
        async with _bigtable(tables) as opened:
            yield opened


@pytest.fixture(params=["sqlite", "sqlite-newest-first", "bigtable"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    """An empty store of each engine in turn."""
    # By its name: suites put their own tables and clock into this module.
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield opened
