"""Edges as rows: where each is kept, and how a change of it is written.

Both cells of an edge carry the change's own time, and a removed edge is a tombstone value, so that
the latest change wins on each of them whatever order the writes arrive in.
"""

from collections.abc import Mapping, Sequence

from services.engagement.keys import (
    column_of,
    engaged_row_key,
    engagers_row_key,
    parse_engagers_row_key,
)
from services.engagement.model import Change, Edge, EdgeState
from services.engagement.spec import ENGAGED, ENGAGERS
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation
from services.platform.rows.reading import log_unreadable

__all__ = [
    "ACTIVE",
    "COUNTED",
    "STATE",
    "TOMBSTONE",
    "cells_of",
    "counted_cell",
    "deciding_cell",
    "edge_of",
    "is_active",
    "is_set",
    "is_settled",
    "mutations",
    "state_of",
]

STATE = b"state"
COUNTED = b"counted"
"""The column that says which state the tweet's count has of the edge."""
ACTIVE = b"1"
TOMBSTONE = b"0"


def cells_of(edge: Edge) -> tuple[CellName, CellName, CellName]:
    """Return where an edge is: for its actor, for its tweet (which decides), and as counted."""
    key = engagers_row_key(edge)
    own = engaged_row_key(edge.kind, edge.actor_id)
    return (
        CellName(ENGAGED.name, own, column_of(edge.tweet_id)),
        CellName(ENGAGERS.name, key, STATE),
        CellName(ENGAGERS.name, key, COUNTED),
    )


def deciding_cell(edge: Edge) -> CellName:
    """Return the cell that says whether the edge stands."""
    return cells_of(edge)[1]


def counted_cell(edge: Edge) -> CellName:
    """Return the cell that says whether the edge is counted."""
    return cells_of(edge)[2]


def state_of(edge: Edge, cells: Mapping[CellName, DatedCell]) -> EdgeState:
    """Read the state of an edge from its cells."""
    own, deciding, counted = (cells.get(name) for name in cells_of(edge))
    standing = is_set(deciding)
    return EdgeState(
        standing=standing,
        torn=is_set(own) != standing,
        counted=is_set(counted),
        written_ms=max(
            (each.timestamp_ms for each in (own, deciding) if each is not None), default=0
        ),
    )


def edge_of(row: Row) -> Edge | None:
    """Return which edge a row of `engagers` is; None, and a log line, for one that is none."""
    try:
        return parse_engagers_row_key(row.key)
    except ValueError as error:
        log_unreadable(ENGAGERS.name, row, error)
        return None


def is_active(row: Row, column: bytes = STATE) -> bool:
    """Whether the row of an edge, or this column of an actor's row, has it."""
    return row.cells.get(column) == ACTIVE


def is_settled(row: Row) -> bool:
    """Whether the row of an edge is counted as it stands."""
    return is_active(row) == is_active(row, COUNTED)


def mutations(changes: Sequence[Change]) -> list[RowMutation]:
    """Return the writes of changes of different edges, the deciding ones last."""
    writes: list[tuple[CellName, Change]] = [
        (cell, change)
        for place in (0, 1)
        for change in changes
        for cell in [cells_of(change.edge)[place]]
    ]
    return [
        RowMutation(
            cell.table,
            cell.key,
            {cell.column: ACTIVE if change.standing else TOMBSTONE},
            timestamp_ms=change.at_ms,
        )
        for cell, change in writes
    ]


def is_set(cell: DatedCell | None) -> bool:
    """Whether a cell of an edge, None for none, has it."""
    return cell is not None and cell.value == ACTIVE
