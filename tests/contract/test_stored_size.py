"""What an entry of a timeline takes on disk, after many small batches."""

from pathlib import Path

from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.timeline.spec import TABLES
from services.timeline.store import RowHomeTimelines

VIEWERS = range(1 << 60, (1 << 60) + 50)
BATCHES, TWEETS = 60, 10
MAX_BYTES = 60


async def test_an_entry_takes_few_bytes_however_its_timeline_grew(tmp_path: Path) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await rows.open()
    homes = RowHomeTimelines(rows, SystemClock())
    for batch in range(BATCHES):
        ids = [(1 << 60) + (batch * TWEETS + place << 22) for place in range(TWEETS)]
        await homes.push(dict.fromkeys(VIEWERS, ids))
    assert await homes.read(VIEWERS[7], None, 0, BATCHES * TWEETS) == sorted(
        ((1 << 60) + (number << 22) for number in range(BATCHES * TWEETS)), reverse=True
    )
    await rows.close()
    size = (tmp_path / "rows.db").stat().st_size
    assert size / (len(VIEWERS) * BATCHES * TWEETS) < MAX_BYTES
