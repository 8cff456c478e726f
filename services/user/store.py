"""Users, handles and requests as rows: one JSON cell each.

A user's row has the cells `body` and, once it was deleted, `deleted`, which stays for ever: no id
names two users. A deleted user's body is empty; that of an id which never came to be a user, and
never shall, says so.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.keys import (
    checked_id,
    parse_user_row_key,
    request_row_key,
    user_row_key,
)
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, TableSpec
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.user.keys import users_after
from services.user.model import (
    Account,
    FormerHandle,
    HandleClaim,
    RequestKey,
    RequestMark,
    RequestRecord,
    User,
)
from services.user.spec import HANDLES, REQUESTS, USER_EVENTS, USERS

__all__ = ["RowUserStore"]


_BODY = b"body"
_DELETED = b"deleted"
_CLAIM = b"claim"
_RECORD = b"record"
_FORGOTTEN = b""
"""The body of a deleted user."""
_BARRED = b"barred"
"""The body of an id that is to name nobody."""


class RowUserStore:
    """A `UserStore` on a `RowStore` and its outbox."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def get(self, user_ids: Sequence[int]) -> dict[int, User]:
        """Read users by id; what is missing, deleted or unreadable is left out."""
        rows = await self._rows.read_rows(
            USERS.name, [user_row_key(user_id) for user_id in user_ids]
        )
        users: dict[int, User] = {}
        for row in rows.values():
            try:
                if _is_live(row):
                    user = _account(row).user
                    users[user.user_id] = user
            except UNREADABLE as error:
                log_unreadable(USERS.name, row, error)
        return users

    async def read_slice(
        self, after: int | None, limit: int
    ) -> tuple[Sequence[Account], int | None]:
        """Scan the rows behind that of `after`; what cannot be read is left out."""
        keys = users_after(after)
        rows = await self._rows.scan(USERS.name, keys.start, keys.end, limit=limit)
        found: list[Account] = []
        last: int | None = None
        for row in rows:
            try:
                last = parse_user_row_key(row.key)
                if _is_live(row):
                    found.append(_account(row))
            except UNREADABLE as error:
                log_unreadable(USERS.name, row, error)
        if rows and last is None:
            raise ValueError(f"{limit} rows of {USERS.name} in a row have no key of a user")
        return found, last if len(rows) == limit else None

    async def find(self, user_id: int) -> Account | None:
        """Read a user's row with its revision; None if nobody has the id."""
        row = await self._read(USERS, user_row_key(user_id))
        return _account(row) if row is not None and _is_live(row) else None

    async def was_created(self, user_id: int) -> bool:
        """Whether the row has ever had a user's body."""
        row = await self._read(USERS, user_row_key(user_id))
        return row is not None and row.cells.get(_BODY) != _BARRED

    async def add(self, user: User) -> bool:
        """Write a new user's row; False if there is one."""
        body = _accounts(user.user_id).dumps(Account(user))
        return await swap_cell(self._rows, _body_cell(user.user_id), None, body) is None

    async def bar(self, user_id: int) -> bool:
        """Put a mark where the body would be, so that the id never names anybody."""
        found = await swap_cell(self._rows, _body_cell(user_id), None, _BARRED)
        return found in (None, _BARRED, _FORGOTTEN)

    async def replace(self, before: Account, after: Account) -> bool:
        """Write `after` if the row's body still is `before`, by compare-and-set."""
        user_id = before.user.user_id
        return await _accounts(user_id).replace(self._rows, _body_cell(user_id), before, after)

    async def delete(self, user_id: int, at_ms: int, event: bytes) -> None:
        """Put a tombstone in the place of the body, together with the event."""
        tombstone = RowMutation(
            USERS.name,
            user_row_key(user_id),
            {_BODY: _FORGOTTEN, _DELETED: str(at_ms).encode()},
        )
        # Undated, so that no body outlives it, whatever clock wrote that. And final: every other
        # write of the row compares the body with one that it read before.
        await self._outbox.commit([tombstone], OutboxEntry(user_id, USER_EVENTS, event, final=True))

    async def get_claim(self, canonical_handle: str) -> HandleClaim | None:
        """Read who claims a handle; None if nobody does."""
        row = await self._read(HANDLES, canonical_handle.encode())
        return None if row is None else _CLAIMS.loads(row.cells[_CLAIM])

    async def get_claims(self, canonical_handles: Sequence[str]) -> dict[str, HandleClaim]:
        """Read who claims handles, in one read; what is unreadable is left out."""
        rows = await self._rows.read_rows(
            HANDLES.name, [handle.encode() for handle in canonical_handles]
        )
        claims: dict[str, HandleClaim] = {}
        for key, row in rows.items():
            try:
                claims[key.decode()] = _CLAIMS.loads(row.cells[_CLAIM])
            except UNREADABLE as error:
                log_unreadable(HANDLES.name, row, error)
        return claims

    async def replace_claim(
        self, canonical_handle: str, expected: HandleClaim | None, claim: HandleClaim | None
    ) -> bool:
        """Change or remove a claim if it still is `expected`."""
        cell = CellName(HANDLES.name, canonical_handle.encode(), _CLAIM)
        if expected is not None:
            return await _CLAIMS.replace(self._rows, cell, expected, claim)
        return claim is None or await _CLAIMS.add(self._rows, cell, claim) is None

    async def find_request(self, key: RequestKey) -> RequestRecord | None:
        """Read what a request id stands for; None if it is unbound."""
        row = await self._read(REQUESTS, _request_cell(key).key)
        return None if row is None else _RECORDS.loads(row.cells[_RECORD])

    async def bind_request(self, key: RequestKey, record: RequestRecord) -> RequestRecord:
        """Bind a request id if it is unbound; gives the record that holds."""
        return await _RECORDS.add(self._rows, _request_cell(key), record) or record

    async def answer_request(self, key: RequestKey, record: RequestRecord) -> None:
        """Put the answer into the record that has none yet."""
        blank = RequestRecord(record.fingerprint)
        await _RECORDS.replace(self._rows, _request_cell(key), blank, record)

    async def _read(self, table: TableSpec, key: bytes) -> Row | None:
        return (await self._rows.read_rows(table.name, [key])).get(key)


def _is_live(row: Row) -> bool:
    return _DELETED not in row.cells and row.cells[_BODY] != _BARRED


def _body_cell(user_id: int) -> CellName:
    return CellName(USERS.name, user_row_key(user_id), _BODY)


def _request_cell(key: RequestKey) -> CellName:
    scope = f"create#{key.scope}" if isinstance(key.scope, str) else key.scope
    return CellName(REQUESTS.name, request_row_key(scope, key.request_id), _RECORD)


def _encode_claim(claim: HandleClaim) -> list[Any]:
    # The third field of older rows said that the claimant was done; now its row says so.
    return [claim.user_id, claim.claimed_at_ms, True]


def _decode_claim(found: list[Any]) -> HandleClaim:
    user_id, claimed_at_ms, *_ = found
    return HandleClaim(user_id, claimed_at_ms)


def _encode_account(account: Account) -> dict[str, Any]:
    body: dict[str, Any] = _user_fields(account.user)
    if account.revision:
        body["revision"] = account.revision
    if account.changed_by is not None:
        body["changed_by"] = [account.changed_by.request_id, account.changed_by.fingerprint]
    if account.former:
        body["former"] = [[each.canonical, each.held_until_ms] for each in account.former]
    return body


def _accounts(user_id: int) -> JsonCells[Account]:
    """Give the form of this user's row, whose id is in its key alone."""
    return JsonCells(_encode_account, partial(_decode_account, user_id))


def _account(row: Row) -> Account:
    return _accounts(parse_user_row_key(row.key)).loads(row.cells[_BODY])


def _decode_account(user_id: int, body: dict[str, Any]) -> Account:
    mark = body.get("changed_by")
    return Account(
        _user(user_id, body),
        body.get("revision", 0),
        None if mark is None else RequestMark(*mark[:2]),
        tuple(FormerHandle(*each[:2]) for each in body.get("former", ())),
    )


def _encode_record(record: RequestRecord) -> list[Any]:
    answer = record.answer
    fields = None if answer is None else {"user_id": answer.user_id, **_user_fields(answer)}
    return [record.fingerprint, fields]


def _decode_record(found: list[Any]) -> RequestRecord:
    fingerprint, fields, *_ = found
    return RequestRecord(fingerprint, None if fields is None else _user(fields["user_id"], fields))


def _user_fields(user: User) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "handle": user.handle,
        "display_name": user.display_name,
        "created_at_ms": user.created_at_ms,
    }
    if user.bio:
        fields["bio"] = user.bio
    if user.protected:
        fields["protected"] = True
    if user.pinned_tweet_id:
        fields["pinned_tweet_id"] = user.pinned_tweet_id
    return fields


def _user(user_id: int, fields: dict[str, Any]) -> User:
    pinned = fields.get("pinned_tweet_id", 0)
    user = User(
        user_id,
        fields["handle"],
        fields["display_name"],
        fields["created_at_ms"],
        fields.get("bio", ""),
        fields.get("protected", False) is True,
        checked_id(pinned),
    )
    for text in (user.handle, user.display_name, user.bio):
        text.encode()
    if not isinstance(user.created_at_ms, int):
        raise TypeError("a time is a number")
    return user


_CLAIMS = JsonCells(_encode_claim, _decode_claim)
_RECORDS = JsonCells(_encode_record, _decode_record)
