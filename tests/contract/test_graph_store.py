"""The graph's edges on every row engine."""

import pytest

from services.graph.edge_rows import deciding_cell, mutations
from services.graph.model import Change, Edge, Relation
from services.graph.spec import OUTBOX, TABLES
from services.graph.store import RowGraphStore
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import SystemClock
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

MANY = 1_000


@pytest.fixture(autouse=True)
def _graph_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


@pytest.fixture
def graph(store: RowStore) -> RowGraphStore:
    return RowGraphStore(store, Outbox(store, SystemClock(), OUTBOX))


def follow(follower: int, followee: int) -> Edge:
    return Edge(Relation.FOLLOW, follower, followee)


def block(blocker: int, blocked: int) -> Edge:
    return Edge(Relation.BLOCK, blocker, blocked)


def mute(muter: int, muted: int) -> Edge:
    return Edge(Relation.MUTE, muter, muted)


def change(at_ms: int, made: tuple[Edge, ...] = (), removed: tuple[Edge, ...] = ()) -> Change:
    return Change(at_ms << 22, made, removed)


async def test_many_follows_go_in_and_out_at_once(graph: RowGraphStore) -> None:
    both_ways = [(follow(1, other), follow(other, 1)) for other in range(2, MANY + 2)]
    edges = tuple(edge for pair in both_ways for edge in pair)
    everybody = list(range(2, MANY + 2))
    await graph.commit(change(5, made=edges), b"")
    assert await graph.following(1) == everybody
    assert await graph.standing([*edges, follow(2, 3)]) == set(edges)
    first = await graph.followers(1, after=None, limit=600)
    rest = await graph.followers(1, after=first.resume_after, limit=600)
    assert [*first.ids, *rest.ids] == everybody
    assert rest.resume_after is None
    await graph.commit(change(6, removed=edges[:-2]), b"")
    assert await graph.following(1) == [MANY + 1]
    assert await graph.standing(edges) == set(edges[-2:])


async def test_relations_are_kept_apart(graph: RowGraphStore) -> None:
    await graph.commit(change(5, made=(follow(1, 2), block(1, 3), block(4, 1), mute(1, 5))), b"")
    assert await graph.following(1) == [2]
    assert await graph.blocking(1) == [3]
    assert await graph.blocked_by(1) == [4]
    assert await graph.muting(1) == [5]
    assert await graph.standing([]) == frozenset()
    assert await graph.standing([block(1, 2), block(3, 1), mute(5, 1)]) == frozenset()


async def test_what_is_older_changes_nothing_when_it_comes_late(graph: RowGraphStore) -> None:
    edges = (follow(1, 2), block(3, 4), mute(5, 6))
    await graph.commit(change(8, removed=edges), b"")
    await graph.commit(change(7, made=edges), b"")
    assert await graph.standing(edges) == frozenset()
    await graph.commit(change(9, made=edges), b"")
    await graph.commit(change(8, removed=edges), b"")
    assert await graph.standing(edges) == set(edges)
    assert await graph.blocked_by(4) == [3]


def test_an_edge_is_decided_by_its_last_write() -> None:
    made = (follow(1, 2), block(1, 3), mute(1, 5))
    removed = (follow(3, 1), follow(1, 3), block(2, 1), mute(2, 1))
    written = [
        (mutation.table, mutation.key, column)
        for mutation in mutations(change(5, made, removed))
        for column in mutation.sets
    ]
    assert len(written) == len(set(written)) == 2 * 5 + 2
    for edge in (*made, *removed):
        alone = [
            (mutation.table, mutation.key, column)
            for mutation in mutations(change(5, made=(edge,)))
            for column in mutation.sets
        ]
        assert max(alone, key=written.index) == deciding_cell(edge)
