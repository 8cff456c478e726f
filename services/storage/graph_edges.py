"""Edges of the graph as rows: where each is kept, and how changes of it are written.

Every cell of an edge carries the change's own timestamp, and a removed edge is a tombstone value,
so that the last writer wins on each of them whatever order the writes arrive in.
"""

from services.graph.model import Change, Edge, Relation
from services.storage.keys import edge_row_key, user_row_key
from services.storage.rows import Row, RowMutation, TableSpec

__all__ = [
    "BLOCKED_BY",
    "BLOCKING",
    "EDGE_TABLES",
    "FOLLOWERS",
    "FOLLOWING",
    "MUTING",
    "Cell",
    "deciding_cell",
    "is_active",
    "members",
    "mutations",
]

FOLLOWING = TableSpec("following")
FOLLOWERS = TableSpec("followers")
MUTING = TableSpec("muting")
BLOCKED_BY = TableSpec("blocked_by")
BLOCKING = TableSpec("blocking")

EDGE_TABLES = (FOLLOWING, FOLLOWERS, MUTING, BLOCKED_BY, BLOCKING)
"""In the order in which a change writes them. Wide rows, one for each user with a column for each
other user; but followers, of whom there can be millions, have one row for each edge."""

Cell = tuple[str, bytes, bytes]
"""Table, row key, column."""

_STATE = b"state"
_ACTIVE = b"1"
_TOMBSTONE = b"0"
_ID_BYTES = 8
_ABOVE_IDS = b"\x80"
_ORDER = {table.name: place for place, table in enumerate(EDGE_TABLES)}


def deciding_cell(edge: Edge) -> Cell:
    """Return the cell that a change of the edge writes last: once it shows it, so do the others."""
    return _cells(edge)[-1]


def is_active(row: Row, column: bytes = _STATE) -> bool:
    """Whether the row has the edge of this column; without one, of the edge that it is."""
    return row.cells.get(column) == _ACTIVE


def members(row: Row | None) -> list[int]:
    """Everybody in a wide row, increasing."""
    if row is None:
        return []
    return [
        int.from_bytes(column, "big")
        for column, state in row.cells.items()
        # A column of another length, or above all ids, is nobody.
        if state == _ACTIVE and len(column) == _ID_BYTES and column < _ABOVE_IDS
    ]


def mutations(change: Change) -> list[RowMutation]:
    """Return the writes of a change, those of deciding cells after the others of their edge."""
    rows: dict[tuple[str, bytes], dict[bytes, bytes]] = {}
    for edges, state in ((change.removed, _TOMBSTONE), (change.made, _ACTIVE)):
        for edge in edges:
            for table, key, column in _cells(edge):
                rows.setdefault((table, key), {})[column] = state
    return [
        RowMutation(table, key, cells, timestamp_ms=change.timestamp_ms)
        for (table, key), cells in sorted(rows.items(), key=lambda row: _ORDER[row[0][0]])
    ]


def _cells(edge: Edge) -> tuple[Cell, ...]:
    owner, other = edge.owner_id, edge.other_id
    outward = (user_row_key(owner), other.to_bytes(_ID_BYTES, "big"))
    match edge.relation:
        case Relation.FOLLOW:
            inward = (edge_row_key(other, owner), _STATE)
            return (FOLLOWING.name, *outward), (FOLLOWERS.name, *inward)
        case Relation.BLOCK:
            inward = (user_row_key(other), owner.to_bytes(_ID_BYTES, "big"))
            return (BLOCKED_BY.name, *inward), (BLOCKING.name, *outward)
        case Relation.MUTE:
            return ((MUTING.name, *outward),)
