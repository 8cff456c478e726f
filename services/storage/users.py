"""Users and their handles as rows: one JSON cell each."""

import json
from collections.abc import Sequence

from services.storage.rows import RowMutation, RowStore, TableSpec
from services.user.model import HandleClaim, User

__all__ = ["TABLES", "RowUserStore"]

_USERS = TableSpec("users")
_HANDLES = TableSpec("handles")

TABLES = (_USERS, _HANDLES)
"""Users by `{id:016x}`, claims by canonical handle."""

_BODY = b"body"
_CLAIM = b"claim"


class RowUserStore:
    """A `UserStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def get_claim(self, canonical_handle: str) -> HandleClaim | None:
        """See `UserStore.get_claim`."""
        key = canonical_handle.encode()
        row = (await self._rows.read_rows(_HANDLES.name, [key])).get(key)
        return None if row is None else _decode_claim(row.cells[_CLAIM])

    async def replace_claim(
        self, canonical_handle: str, expected: HandleClaim | None, claim: HandleClaim
    ) -> bool:
        """See `UserStore.replace_claim`."""
        key = canonical_handle.encode()
        before = None if expected is None else _encode_claim(expected)
        mutation = RowMutation(
            _HANDLES.name,
            key,
            # A set alone loses against a cell from a clock that was ahead; the delete does not
            # look at timestamps, so a won comparison is always a made write.
            deletes=(_CLAIM,),
            sets={_CLAIM: _encode_claim(claim)},
        )
        found = await self._rows.check_and_mutate(_HANDLES.name, key, _CLAIM, before, mutation)
        return found == before

    async def put(self, user: User) -> None:
        """See `UserStore.put`."""
        sets = {_BODY: _encode_user(user)}
        await self._rows.mutate([RowMutation(_USERS.name, _user_key(user.user_id), sets)])

    async def remove(self, user_id: int) -> None:
        """See `UserStore.remove`."""
        await self._rows.mutate([RowMutation(_USERS.name, _user_key(user_id), delete_row=True)])

    async def get(self, user_ids: Sequence[int]) -> dict[int, User]:
        """See `UserStore.get`."""
        rows = await self._rows.read_rows(_USERS.name, [_user_key(user_id) for user_id in user_ids])
        users = (_decode_user(int(key, 16), row.cells[_BODY]) for key, row in rows.items())
        return {user.user_id: user for user in users}


def _user_key(user_id: int) -> bytes:
    return f"{user_id:016x}".encode()


def _encode_claim(claim: HandleClaim) -> bytes:
    """One byte string per claim, for the compare-and-set compares bytes."""
    fields = [claim.user_id, claim.claimed_at_ms, claim.settled]
    return json.dumps(fields, separators=(",", ":")).encode()


def _decode_claim(cell: bytes) -> HandleClaim:
    user_id, claimed_at_ms, settled = json.loads(cell)
    return HandleClaim(user_id, claimed_at_ms, settled)


def _encode_user(user: User) -> bytes:
    body = {
        "handle": user.handle,
        "display_name": user.display_name,
        "created_at_ms": user.created_at_ms,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _decode_user(user_id: int, cell: bytes) -> User:
    body = json.loads(cell)
    return User(user_id, body["handle"], body["display_name"], body["created_at_ms"])
