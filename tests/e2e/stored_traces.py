"""What is left of something in the stores of a running system, whatever engine keeps the rows."""

from collections.abc import AsyncIterator, Collection, Iterable

from services.platform.rows.port import Row
from services.platform.specs import all_specs
from tests.e2e.conftest import Mesh
from tests.e2e.test_operating import opened_rows

__all__ = ["cached_texts", "encodings", "tables_with"]

ROWS_AT_ONCE = 1_000
MASK = (1 << 64) - 1
LAST = b"\xff"


def encodings(number: int) -> tuple[bytes, ...]:
    """All that stores write an id as: numbers, hex and bytes, in the order of age or against it."""
    turned = ~number & MASK
    return (
        str(number).encode(),
        b"%016x" % number,
        b"%016x" % turned,
        number.to_bytes(8),
        turned.to_bytes(8),
    )


async def tables_with(mesh: Mesh, wanted: Collection[bytes]) -> set[str]:
    """The tables in whose rows any of these bytes are, in a key, a column or a cell."""
    found: set[str] = set()
    for spec in all_specs().values():
        if not spec.tables:
            continue
        async with opened_rows(mesh, spec, spec.tables) as rows:
            for table in spec.tables:
                async for row in _rows(rows, table.name):
                    if any(each in part for part in _parts(row) for each in wanted):
                        found.add(table.name)
                        break
    return found


async def _rows(rows: object, table: str) -> AsyncIterator[Row]:
    start = b""
    while True:
        page = await rows.scan(table, start, LAST, limit=ROWS_AT_ONCE)  # type: ignore[attr-defined]
        for row in page:
            yield row
        if len(page) < ROWS_AT_ONCE:
            return
        start = page[-1].key + b"\x00"


def _parts(row: Row) -> Iterable[bytes]:
    yield row.key
    for column, value in row.cells.items():
        yield column
        yield value


def cached_texts(mesh: Mesh, text: bytes) -> list[bytes]:
    """The keys of each Valkey server whose values have this text."""
    found: list[bytes] = []
    # Where the emulators are, the bus is Pub/Sub.
    for name in ("cache",) if mesh.engine.emulators else ("cache", "bus"):
        with mesh.valkey(name) as server:
            for key in server.scan_iter(count=ROWS_AT_ONCE):
                dumped = server.dump(key)
                if dumped is not None and text in dumped:
                    found.append(key)
    return found
