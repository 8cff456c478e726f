"""Lists on rows: one cell for each, changed by compare-and-set."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from services.list.keys import list_column, list_of, list_row_key, parse_list_row_key
from services.list.model import RequestClaim, UserList
from services.list.spec import LISTS, LISTS_BY_OWNER, LISTS_WITH, REQUESTS
from services.platform.rows.cells import swap_cell
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.keys import request_row_key, user_row_key
from services.platform.rows.port import CellName, RowMutation, RowStore
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.platform.runtime.turns import Turns

__all__ = ["RowListStore"]

_LIST, _OWNED, _CLAIM = b"list", b"lists", b"claim"
_DELETED: Final = b""
"""In the place of a deleted list, for ever: no id names two."""


class RowListStore:
    """A `ListStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def get(self, list_ids: Sequence[int]) -> dict[int, UserList]:
        """Read lists by id; what is missing, deleted or unreadable is left out."""
        keys = [list_row_key(list_id) for list_id in dict.fromkeys(list_ids)]
        lists, turns = dict[int, UserList](), Turns()
        for row in (await self._rows.read_rows(LISTS.name, keys)).values():
            try:
                if row.cells[_LIST] != _DELETED:
                    found = _LISTS.loads(row.cells[_LIST])
                    lists[parse_list_row_key(row.key)] = found
            except UNREADABLE as error:
                log_unreadable(LISTS.name, row, error)
            await turns.after(sum(map(len, row.cells.values())))
        return lists

    async def add(self, made: UserList) -> bool:
        """Write a new list's cell; False if there is one, or was."""
        return await swap_cell(self._rows, _cell(made.list_id), None, _LISTS.dumps(made)) is None

    async def replace(self, before: UserList, after: UserList | None) -> bool:
        """Write a list, or that it is deleted, by compare-and-set."""
        cell = _cell(before.list_id)
        if after is not None:
            return await _LISTS.replace(self._rows, cell, before, after)
        expected = _LISTS.dumps(before)
        return await swap_cell(self._rows, cell, expected, _DELETED) == expected

    async def bury(self, list_id: int) -> bool:
        """Write that a list is deleted, where there is no cell."""
        found = await swap_cell(self._rows, _cell(list_id), None, _DELETED)
        return not found

    async def owned(self, owner_id: int) -> list[int]:
        """Read the owner's cell."""
        name = _owned_cell(owner_id)
        cell = (await self._rows.read_cells([name])).get(name)
        return [] if cell is None else _OWNED_LISTS.loads(cell.value)

    async def change_owned(
        self, owner_id: int, before: Sequence[int], after: Sequence[int]
    ) -> bool:
        """Write the owner's cell by compare-and-set; without lists there is none."""
        found = _OWNED_LISTS.dumps(list(before)) if before else None
        changed = _OWNED_LISTS.dumps(list(after)) if after else None
        return await swap_cell(self._rows, _owned_cell(owner_id), found, changed) == found

    async def claim(self, owner_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Write the claim if there is none."""
        cell = CellName(REQUESTS.name, request_row_key(owner_id, request_id), _CLAIM)
        return await _CLAIMS.add(self._rows, cell, claim) or claim

    async def note_member(self, member_id: int, list_id: int) -> None:
        """Write a column of the member's row."""
        key, column = user_row_key(member_id), list_column(list_id)
        await self._rows.mutate([RowMutation(LISTS_WITH.name, key, {column: b""})])

    async def lists_with(self, member_id: int, limit: int) -> list[int]:
        """Read the first columns of the member's row."""
        key = user_row_key(member_id)
        rows = await self._rows.scan(
            LISTS_WITH.name, key, key + b"\x00", limit=1, cells_per_row=limit
        )
        return [list_of(column) for row in rows for column in row.cells]

    async def forget_members(self, member_ids: Collection[int], list_ids: Collection[int]) -> None:
        """Delete columns of the members' rows."""
        columns = [list_column(list_id) for list_id in list_ids]
        gone = [
            RowMutation(LISTS_WITH.name, user_row_key(member_id), deletes=columns)
            for member_id in member_ids
        ]
        if gone and columns:
            await self._rows.mutate(gone)


def _cell(list_id: int) -> CellName:
    return CellName(LISTS.name, list_row_key(list_id), _LIST)


def _owned_cell(owner_id: int) -> CellName:
    return CellName(LISTS_BY_OWNER.name, user_row_key(owner_id), _OWNED)


def _encode_list(found: UserList) -> dict[str, Any]:
    return {
        "list_id": found.list_id,
        "owner_id": found.owner_id,
        "name": found.name,
        "description": found.description,
        "private": found.private,
        "created_at_ms": found.created_at_ms,
        "members": list(found.members),
    }


def _decode_list(said: dict[str, Any]) -> UserList:
    return UserList(
        list_id=int(said["list_id"]),
        owner_id=int(said["owner_id"]),
        name=said["name"],
        description=said["description"],
        private=bool(said["private"]),
        created_at_ms=int(said["created_at_ms"]),
        members=tuple(map(int, said["members"])),
    )


def _encode_claim(claim: RequestClaim) -> list[Any]:
    return [claim.list_id, claim.fingerprint]


def _decode_claim(said: list[Any]) -> RequestClaim:
    list_id, digest, *_ = said
    return RequestClaim(int(list_id), digest)


def _ids(said: list[int]) -> list[int]:
    return list(map(int, said))


_LISTS = JsonCells(_encode_list, _decode_list)
_OWNED_LISTS = JsonCells(_ids, _ids)
_CLAIMS = JsonCells(_encode_claim, _decode_claim)
