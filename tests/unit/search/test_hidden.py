"""Whom readers do not see is read once for the pages of a moment."""

import pytest

from services.search import hidden as known_hidden
from services.search.hidden import FRESH_S, KnownHidden


class Graph:
    def __init__(self) -> None:
        self.hidden = {1: frozenset({5, 6}), 2: frozenset({7})}
        self.read: list[int] = []

    async def from_reader(self, user_id: int) -> frozenset[int]:
        self.read.append(user_id)
        return self.hidden[user_id]


class Clock:
    s = 100.0

    def __call__(self) -> float:
        return self.s


async def test_it_is_kept_for_a_moment() -> None:
    graph, clock = Graph(), Clock()
    known = KnownHidden(graph, now_s=clock)
    for _ in range(3):
        assert await known.from_reader(1) == {5, 6}
        assert await known.from_reader(2) == {7}
    assert graph.read == [1, 2]
    graph.hidden[1] = frozenset()
    clock.s += FRESH_S
    assert await known.from_reader(1) == frozenset()
    assert graph.read == [1, 2, 1]


async def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_hidden, "MOST_IDS", 40)
    graph = Graph()
    graph.hidden = {each: frozenset(range(each)) for each in range(1, 10)}
    known = KnownHidden(graph, now_s=Clock())
    for reader in (*graph.hidden, 9):
        await known.from_reader(reader)
    # Large ones are never kept, and the oldest of the others give way.
    assert graph.read == [*range(1, 10), 9]
    for reader in (1, 2, 3, 4):
        await known.from_reader(reader)
    assert graph.read[10:] == []
    monkeypatch.setattr(known_hidden, "MOST_IDS", 10)
    graph.hidden |= {11: frozenset({1}), 12: frozenset({2})}
    for reader in (11, 12):
        await known.from_reader(reader)
    graph.read.clear()
    await known.from_reader(1)
    await known.from_reader(12)
    assert graph.read == [1]
