from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from services.graph.spec import OUTBOX, TABLES
from services.platform.rows.sqlite.rows import SqliteRowStore
from tests.unit.graph.world import MovableClock, World


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = MovableClock()
    rows = SqliteRowStore(tmp_path / "rows.db", (*TABLES, OUTBOX), clock)
    await rows.open()
    yield World(rows, clock)
    await rows.close()
