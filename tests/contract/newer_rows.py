"""Rows as a process of a newer version writes them: each of its JSON cells says one thing more."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from services.platform.rows.port import RowMutation, RowStore, Tally

__all__ = ["NewerRows", "says_more"]

MORE = "what only a newer version knows"
NOT_FORMS = frozenset({b"mutations"})
"""Of an outbox entry: each is a whole write, and none may be passed over."""


class NewerRows:
    """A `RowStore` for the newer of two processes; reads as any other."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        await self._rows.mutate([_saying_more(mutation) for mutation in mutations])

    async def mutate_counted(
        self, mutations: Sequence[RowMutation], tallies: Collection[Tally]
    ) -> None:
        await self._rows.mutate_counted(list(map(_saying_more, mutations)), tallies)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        more = _saying_more(mutation)
        return await self._rows.check_and_mutate(table, key, column, expected, more)


def says_more(cell: bytes) -> bool:
    """Whether a cell still says what a newer process wrote into it."""
    return MORE in json.loads(cell)


def _saying_more(mutation: RowMutation) -> RowMutation:
    sets = {
        column: value if column in NOT_FORMS else _more(value)
        for column, value in mutation.sets.items()
    }
    return replace(mutation, sets=sets)


def _more(value: bytes) -> bytes:
    try:
        said = json.loads(value)
    except ValueError:
        return value
    if isinstance(said, dict):
        said = {**said, MORE: MORE}
    elif isinstance(said, list) and MORE not in said:
        said = [*said, MORE]
    return json.dumps(said).encode()
