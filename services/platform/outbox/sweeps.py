"""What the processes that share an outbox tell each other about what is left behind in it.

One of them at a time takes up what others left, and each says what it still has in hand: after an
outage of the bus that is much, and old, and would otherwise be published by all. Where that is
lost or wrong, as clocks may be, a message is published twice, and none is held back for longer than
`TERM_MS`.
"""

import struct
from collections.abc import Collection, Sequence
from typing import Final

from services.platform.outbox.keys import SWEEPS_KEY
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.rows.leases import give_back, take
from services.platform.rows.port import CellName, Row, RowMutation, RowStore
from services.platform.runtime.clock import Clock

__all__ = ["TERM_MS", "Sweeps"]

TERM_MS: Final = 6_000
"""How long a turn lasts, and what is said to be in hand: longer than the pause between two sweeps,
and not much longer than what is young is left alone (`SWEEP_AGE_MS`)."""
_SWEEPER: Final = b"sweeper"
_HELD: Final = b"held#"
"""Before a process's own name: until when it has which entries in hand, eight bytes for each."""
_NUMBER_BYTES: Final = 8


class Sweeps:
    """One process's part, under a name that no other has had."""

    def __init__(self, outbox: Outbox, rows: RowStore, clock: Clock, owner: str) -> None:
        self._outbox = outbox
        self._rows = rows
        self._clock = clock
        self._owner = owner
        self._own = _HELD + owner.encode()
        self._turn = CellName(outbox.table, SWEEPS_KEY, _SWEEPER)
        self._has_said = False
        self._had_turn = False

    async def left_behind(
        self, older_than_ms: int, limit: int, held: Collection[int]
    ) -> Sequence[OutboxEntry]:
        """Give entries, as `Outbox.pending` does, that nobody has in hand, if it is our turn.

        And say that we have `held` in hand. Costs nothing besides where there are neither.
        Raises `UnavailableError`.
        """
        await self._say(held)
        if limit <= 0:
            return []
        entries = await self._outbox.pending(older_than_ms, limit, exclude=held)
        if not entries:
            return []
        found = await self._rows.read_rows(self._outbox.table, [SWEEPS_KEY])
        others, ended = self._of_others(found.get(SWEEPS_KEY))
        if others.intersection(entry.id for entry in entries):
            # These must not hide what is behind them.
            known = others.union(held)
            entries = await self._outbox.pending(older_than_ms, limit, exclude=known)
        if not entries or not await self._take_turn():
            return []
        if ended:
            await self._rows.mutate(
                [RowMutation(self._outbox.table, SWEEPS_KEY, deletes=tuple(ended))]
            )
        return entries

    async def leave(self) -> None:
        """Let others have all of it at once. Raises `UnavailableError`."""
        await self._say(())
        if self._had_turn:
            await give_back(self._rows, self._turn, self._owner)
            self._had_turn = False

    async def _say(self, held: Collection[int]) -> None:
        if not held and not self._has_said:
            return
        said = _written(self._clock.now_ms() + TERM_MS, held)
        change = (
            RowMutation(self._outbox.table, SWEEPS_KEY, {self._own: said})
            if held
            else RowMutation(self._outbox.table, SWEEPS_KEY, deletes=(self._own,))
        )
        self._has_said = True
        await self._rows.mutate([change])
        self._has_said = bool(held)

    def _of_others(self, row: Row | None) -> tuple[frozenset[int], list[bytes]]:
        """Give what others have in hand, and the columns of those who are gone."""
        now_ms = self._clock.now_ms()
        held: set[int] = set()
        ended: list[bytes] = []
        for column, said in (row.cells if row is not None else {}).items():
            if column.startswith(_HELD) and column != self._own:
                until_ms, ids = _read(said)
                if now_ms < until_ms <= now_ms + 2 * TERM_MS:
                    held.update(ids)
                else:
                    ended.append(column)
        return frozenset(held), ended

    async def _take_turn(self) -> bool:
        now_ms = self._clock.now_ms()
        self._had_turn = await take(
            self._rows,
            self._turn,
            owner=self._owner,
            now_ms=now_ms,
            until_ms=now_ms + TERM_MS,
            longest_ms=2 * TERM_MS,
        )
        return self._had_turn


def _written(until_ms: int, ids: Collection[int]) -> bytes:
    return struct.pack(f">{1 + len(ids)}Q", until_ms, *ids)


def _read(said: bytes) -> tuple[int, Sequence[int]]:
    """Read a time and ids; what is damaged says nothing, and is long past."""
    if not said or len(said) % _NUMBER_BYTES:
        return 0, ()
    until_ms, *ids = struct.unpack(f">{len(said) // _NUMBER_BYTES}Q", said)
    return until_ms, ids
