"""Edges of the graph as rows: where each is kept, and how changes of it are written.

Every cell of an edge carries the change's own time, and a removed edge is a tombstone value, so
that the latest change wins on each of them whatever order the writes arrive in.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

from services.graph.keys import edge_row_key
from services.graph.model import Change, Edge, Relation, StoredEdge
from services.graph.spec import (
    BLOCKED_BY,
    BLOCKING,
    EDGE_TABLES,
    FOLLOWERS,
    FOLLOWING,
    MUTING,
    REQUESTED,
    REQUESTING,
)
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation

__all__ = [
    "ACTIVE",
    "KEPT_FROM",
    "cells_of",
    "column_of",
    "deciding_cell",
    "in_table_order",
    "is_active",
    "kept_column",
    "members",
    "mutations",
    "other_of",
    "state_of",
]


_STATE = b"state"
ACTIVE = b"1"
"""What a cell of an edge says that is there."""
_TOMBSTONE = b"0"
_ID_BYTES = 8
_ABOVE_IDS = b"\x80"
KEPT_FROM = b"\xff"
"""Columns of a wide row that keep places begin here: above all ids, so they are nobody."""
_ORDER = {table.name: place for place, table in enumerate(EDGE_TABLES)}


def deciding_cell(edge: Edge) -> CellName:
    """Return the cell that a change of the edge writes last: once it shows it, so do the others."""
    return cells_of(edge)[-1]


def state_of(names: Sequence[CellName], cells: Mapping[CellName, DatedCell]) -> StoredEdge:
    """Read the state of an edge from these of its cells, the deciding one last."""
    found = [cells.get(name) for name in names]
    active = [cell is not None and cell.value == ACTIVE for cell in found]
    written_ms = max((cell.timestamp_ms for cell in found if cell is not None), default=0)
    return StoredEdge(active[-1], len(set(active)) > 1, written_ms)


def is_active(row: Row, column: bytes = _STATE) -> bool:
    """Whether the row has the edge of this column; without one, of the edge that it is."""
    return row.cells.get(column) == ACTIVE


def members(row: Row) -> list[int]:
    """Everybody in a wide row, or a slice of one, increasing."""
    active = [column for column, state in row.cells.items() if state == ACTIVE]
    if not active:
        return []
    # All at once, at a tenth of the cost; they rise, so that the last is the greatest.
    if active[-1] < _ABOVE_IDS and not set(map(len, active)) - {_ID_BYTES}:
        return list(struct.unpack(f">{len(active)}Q", b"".join(active)))
    return [other for column in active if (other := other_of(column)) is not None]


def column_of(other_id: int) -> bytes:
    """Return the column of another user in a wide row: they sort by id."""
    return other_id.to_bytes(_ID_BYTES, "big")


def kept_column(other_id: int) -> bytes:
    """Return the column that keeps a place for another user in a wide row."""
    return KEPT_FROM + column_of(other_id)


def other_of(column: bytes) -> int | None:
    """Return the user of a column of a wide row; None for one that no change has written."""
    # A column of another length, or above all ids, is nobody.
    if len(column) != _ID_BYTES or column >= _ABOVE_IDS:
        return None
    return int.from_bytes(column, "big")


def mutations(change: Change) -> list[RowMutation]:
    """Return the writes of a change, those of deciding cells after the others of their edge."""
    rows: dict[tuple[str, bytes, int], dict[bytes, bytes]] = {}
    gone = dict.fromkeys((*change.removed, *change.barred))
    for edges, state in ((gone, _TOMBSTONE), (change.made, ACTIVE)):
        for edge in edges:
            at_ms = change.timestamp_ms(edge)
            for table, key, column in cells_of(edge):
                rows.setdefault((table, key, at_ms), {})[column] = state
    return in_table_order(
        [
            RowMutation(table, key, cells, timestamp_ms=at_ms)
            for (table, key, at_ms), cells in rows.items()
        ]
    )


def in_table_order(writes: Iterable[RowMutation]) -> list[RowMutation]:
    """Sort the writes of any changes, so that those of deciding cells come after the others."""
    return sorted(writes, key=lambda write: _ORDER[write.table])


def cells_of(edge: Edge) -> tuple[CellName, ...]:
    """Return the cells of an edge in the order in which a change writes them."""
    owner, other = edge.owner_id, edge.other_id
    outward = (user_row_key(owner), column_of(other))
    match edge.relation:
        case Relation.FOLLOW:
            inward = (edge_row_key(other, owner), _STATE)
            return CellName(FOLLOWING.name, *outward), CellName(FOLLOWERS.name, *inward)
        case Relation.BLOCK:
            inward = (user_row_key(other), column_of(owner))
            return CellName(BLOCKED_BY.name, *inward), CellName(BLOCKING.name, *outward)
        case Relation.MUTE:
            return (CellName(MUTING.name, *outward),)
        case Relation.REQUEST:
            inward = (user_row_key(other), column_of(owner))
            return CellName(REQUESTING.name, *outward), CellName(REQUESTED.name, *inward)
