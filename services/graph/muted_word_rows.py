"""Which words users have muted, on rows: one cell for each user, changed by compare-and-set."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from services.graph.model import MutedWord
from services.graph.spec import MUTED_WORDS
from services.platform.rows.cells import swap_cell
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.keys import parse_user_row_key, user_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import UNREADABLE, log_unreadable

__all__ = ["RowMutedWords", "all_muted_by", "words_in"]

_WORDS: Final = b"words"


class RowMutedWords:
    """A `MutedWordStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def muted_words(self, user_ids: Collection[int]) -> dict[int, Sequence[MutedWord]]:
        """Read the users' rows; one that cannot be read mutes nothing."""
        keys = [user_row_key(user_id) for user_id in user_ids]
        rows = await self._rows.read_rows(MUTED_WORDS.name, keys) if keys else {}
        found = {parse_user_row_key(row.key): words_in([row]) for row in rows.values()}
        return {user_id: words for user_id, words in found.items() if words}

    async def replace_muted_words(
        self, user_id: int, before: Sequence[MutedWord], after: Sequence[MutedWord]
    ) -> bool:
        """Write the user's cell by compare-and-set; without words there is none."""
        cell = CellName(MUTED_WORDS.name, user_row_key(user_id), _WORDS)
        changed = tuple(after) or None
        if before:
            return await _CELLS.replace(self._rows, cell, tuple(before), changed)
        return await swap_cell(self._rows, cell, None, _CELLS.dumps(tuple(after))) is None

    async def forget_muted_words(self, user_id: int) -> None:
        """Delete the user's cell."""
        key = user_row_key(user_id)
        await self._rows.mutate([RowMutation(MUTED_WORDS.name, key, deletes=(_WORDS,))])


def all_muted_by(user_id: int) -> Scan:
    """Ask for the row of a user together with others."""
    key = user_row_key(user_id)
    return Scan(MUTED_WORDS.name, key, key + b"\x00", 1)


def words_in(rows: Sequence[Row]) -> tuple[MutedWord, ...]:
    """Read what was found of a user's row: none, or one."""
    for row in rows:
        try:
            return _CELLS.loads(row.cells[_WORDS])
        except UNREADABLE as error:
            log_unreadable(MUTED_WORDS.name, row, error)
    return ()


def _encode(words: tuple[MutedWord, ...]) -> dict[str, Any]:
    return {"words": [{"word": each.word, "created_ms": each.created_ms} for each in words]}


def _decode(said: dict[str, Any]) -> tuple[MutedWord, ...]:
    return tuple(MutedWord(str(each["word"]), int(each["created_ms"])) for each in said["words"])


_CELLS: Final = JsonCells(_encode, _decode)
