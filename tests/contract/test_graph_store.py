"""The graph's edges on every row engine."""

import pytest

from services.graph.edge_rows import deciding_cell, mutations
from services.graph.model import Change, Edge, Relation
from services.graph.slices import Read, Rising, slices, taking
from services.graph.spec import OUTBOX, TABLES
from services.graph.store import RowGraphStore
from services.platform.ids.slices import IdSlice
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
    return RowGraphStore(store, Outbox(store, SystemClock(), OUTBOX), SystemClock())


def follow(follower: int, followee: int) -> Edge:
    return Edge(Relation.FOLLOW, follower, followee)


def block(blocker: int, blocked: int) -> Edge:
    return Edge(Relation.BLOCK, blocker, blocked)


def mute(muter: int, muted: int) -> Edge:
    return Edge(Relation.MUTE, muter, muted)


def change(at_ms: int, made: tuple[Edge, ...] = (), removed: tuple[Edge, ...] = ()) -> Change:
    return Change(at_ms << 22, made, removed)


async def everybody(read: Read, user: int, limit: int = 10_000) -> list[int]:
    return [one async for ids in slices(taking(read, user), limit) for one in ids]


async def test_a_wide_row_is_read_in_slices(graph: RowGraphStore) -> None:
    made = tuple(follow(1, other) for other in range(2, 102))
    await graph.commit(change(5, made=made), b"")
    await graph.commit(change(6, removed=made[10:30]), b"")
    left = [edge.other_id for edge in (*made[:10], *made[30:])]
    for limit in (1, 7, 20, 100, 1_000):
        assert await everybody(graph.following, 1, limit) == left
    first = await graph.following(1, after=6, limit=10)
    # The end of what was asked for, whatever was removed in between.
    assert first == IdSlice((7, 8, 9, 10, 11, 32, 33, 34, 35, 36), 36)
    assert await graph.following(1, after=99, limit=2) == IdSlice((100, 101), 101)
    assert await graph.following(1, after=101, limit=2) == IdSlice((), None)
    among = Rising(taking(graph.following, 1))
    assert await among.among([1, 2, 5]) == {2, 5}
    assert await among.among([6, 15, 60]) == {6, 60}
    assert await among.among([101, 300]) == {101}


async def test_many_follows_go_in_and_out_at_once(graph: RowGraphStore) -> None:
    both_ways = [(follow(1, other), follow(other, 1)) for other in range(2, MANY + 2)]
    edges = tuple(edge for pair in both_ways for edge in pair)
    all_ids = list(range(2, MANY + 2))
    await graph.commit(change(5, made=edges), b"")
    assert await everybody(graph.following, 1) == all_ids
    assert await graph.standing([*edges, follow(2, 3)]) == set(edges)
    first = await graph.followers(1, after=None, limit=600)
    rest = await graph.followers(1, after=first.resume_after, limit=600)
    assert [*first.ids, *rest.ids] == all_ids
    assert rest.resume_after is None
    await graph.commit(change(6, removed=edges[:-2]), b"")
    assert await everybody(graph.following, 1) == [MANY + 1]
    assert await graph.standing(edges) == set(edges[-2:])


async def test_relations_are_kept_apart(graph: RowGraphStore) -> None:
    await graph.commit(change(5, made=(follow(1, 2), block(1, 3), block(4, 1), mute(1, 5))), b"")
    assert await everybody(graph.following, 1) == [2]
    assert await everybody(graph.blocking, 1) == [3]
    assert await everybody(graph.blocked_by, 1) == [4]
    assert await everybody(graph.muting, 1) == [5]
    assert await graph.standing([]) == frozenset()
    assert await graph.standing([block(1, 2), block(3, 1), mute(5, 1)]) == frozenset()


async def test_requests_are_read_from_both_sides(graph: RowGraphStore) -> None:
    asked = tuple(Edge(Relation.REQUEST, other, 1) for other in (2, 3, 4))
    await graph.commit(change(5, made=(*asked, follow(2, 9))), b"")
    assert await everybody(graph.requesters, 1, 2) == [2, 3, 4]
    assert await everybody(graph.requesting, 3) == [1]
    await graph.commit(change(6, made=(follow(3, 1),), removed=asked[1:]), b"")
    assert await graph.standing((*asked, follow(3, 1))) == {asked[0], follow(3, 1)}
    assert await everybody(graph.requesters, 1) == [2]
    assert await everybody(graph.requesting, 3) == []
    assert await everybody(graph.following, 2) == [9]


async def test_of_who_is_protected_the_latest_revision_holds(graph: RowGraphStore) -> None:
    assert await graph.protected([]) == frozenset()
    for user in (1, 2):
        await graph.protect(user, 3, protected=True)
    await graph.protect(2, 2, protected=False)
    assert await graph.protected([1, 2, 5]) == {1, 2}
    await graph.protect(2, 3, protected=False)
    assert await graph.protected([1, 2, 5]) == {1}
    await graph.protect(2, 4, protected=True)
    await graph.protect(1, 12, protected=False)
    assert await graph.protected([1, 2, 5]) == {2}


async def test_what_is_older_changes_nothing_when_it_comes_late(graph: RowGraphStore) -> None:
    edges = (follow(1, 2), block(3, 4), mute(5, 6))
    await graph.commit(change(8, removed=edges), b"")
    await graph.commit(change(7, made=edges), b"")
    assert await graph.standing(edges) == frozenset()
    await graph.commit(change(9, made=edges), b"")
    await graph.commit(change(8, removed=edges), b"")
    assert await graph.standing(edges) == set(edges)
    assert await everybody(graph.blocked_by, 4) == [3]


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
