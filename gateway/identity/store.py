"""The issuer's state as rows: one JSON cell each, changed by compare-and-set."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gateway.identity.model import (
    APP_KEY_S,
    OMITTED_BY_DEFAULT,
    REFRESH_TOKEN_S,
    USER_TOKEN_S,
    AppKey,
    Client,
    Code,
    Credential,
    Family,
    PasswordChange,
    Revocation,
    RevokedAppKey,
    Session,
    SigningKey,
    SignUp,
)
from services.storage.cells import Cell, overwriting, swap_cell
from services.storage.rows import RowStore, TableSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["TABLES", "IdentityStore", "Records"]

Record = TypeVar("Record", bound="DataclassInstance")

DAY_S: Final = 86_400

_CLIENTS = TableSpec("identity_clients")
# Longer than a code lives, so that one that comes again is known as a repeat.
_CODES = TableSpec("identity_codes", max_age_s=DAY_S)
# A refresh writes the row anew, so the engine drops a family only after it has expired.
_FAMILIES = TableSpec("identity_families", max_age_s=REFRESH_TOKEN_S + DAY_S)
_SESSIONS = TableSpec("identity_sessions", max_age_s=REFRESH_TOKEN_S + DAY_S)
_CREDENTIALS = TableSpec("identity_credentials")
_SIGN_UPS = TableSpec("identity_sign_ups")
_KEYS = TableSpec("identity_keys")

_APP_KEYS = TableSpec("identity_app_keys", max_age_s=APP_KEY_S + DAY_S)
_REVOKED_APP_KEYS = TableSpec("identity_revoked_app_keys", max_age_s=APP_KEY_S + DAY_S)
_APP_KEY_SIGNERS = TableSpec("identity_app_key_signers")
# They are read newest first, as far as they count, which is a day at most.
_REVOCATIONS = TableSpec("identity_revocations", max_age_s=USER_TOKEN_S + DAY_S)
_PASSWORD_CHANGES = TableSpec("identity_password_changes")

TABLES = (
    _CLIENTS,
    _CODES,
    _FAMILIES,
    _SESSIONS,
    _CREDENTIALS,
    _SIGN_UPS,
    _KEYS,
    _APP_KEYS,
    _REVOKED_APP_KEYS,
    _APP_KEY_SIGNERS,
    _REVOCATIONS,
    _PASSWORD_CHANGES,
)
"""Clients and families by id, sessions by user and id, codes by digest, credentials and changes of
passwords by user, sign-ups by canonical handle, signing keys as in `keys`, API keys by app and id,
revoked sessions and users as in `revocations`. What opens a door is kept as a digest, or sealed, or
not at all."""

_BODY = b"body"
MAX_KEY_CHARS: Final = 128
"""The longest of ours is a digest of 64; Bigtable takes 4 KiB, and no empty one."""
ROWS_PER_SCAN: Final = 500
"""Some 100 KB; scans go on from the last row, so it bounds no result."""


class Records(Generic[Record]):
    """One table of records. Every method raises `UnavailableError` when the engine is gone."""

    def __init__(self, rows: RowStore, table: TableSpec, kind: type[Record]) -> None:
        self._rows = rows
        self._table = table
        self._kind = kind
        self._tuples = {field.name for field in fields(kind) if "tuple" in str(field.type)}
        self._omitted = {
            field.name: field.default
            for field in fields(kind)
            if field.metadata == OMITTED_BY_DEFAULT
        }

    async def get(self, key: str) -> Record | None:
        """Read one; None for a key that cannot be one, as callers make up some."""
        if not 0 < len(key) <= MAX_KEY_CHARS:
            return None
        row = (await self._rows.read_rows(self._table.name, [key.encode()])).get(key.encode())
        return None if row is None else self._decode(row.cells[_BODY])

    async def add(self, key: str, record: Record) -> bool:
        """Write a new one; False, and nothing changed, if there is one. Atomic."""
        return await self._swap(key, None, record)

    async def replace(self, key: str, before: Record, after: Record) -> bool:
        """Change one; False, and nothing changed, if it is not `before` any more. Atomic."""
        return await self._swap(key, before, after)

    async def put(self, key: str, record: Record) -> None:
        """Write one, whatever was there."""
        change = overwriting(self._table, key.encode(), {_BODY: self._encode(record)})
        await self._rows.mutate([change])

    async def remove(self, key: str, before: Record) -> bool:
        """Remove one; False, and nothing changed, if it is not `before` any more. Atomic."""
        return await self._swap(key, before, None)

    async def stream(self, prefix: str = "") -> AsyncIterator[tuple[str, Record]]:
        """Read them all, or those whose keys begin so, in the order of their keys.

        Few are in memory at a time, however many there are. What changes meanwhile may be seen as
        it was, or as it is.
        """
        start = prefix.encode()
        # Keys are UTF-8, in which there is no byte 0xff: whatever begins so is less than that.
        end = start + b"\xff"
        while True:
            rows = await self._rows.scan(self._table.name, start, end, limit=ROWS_PER_SCAN)
            for row in rows:
                yield row.key.decode(), self._decode(row.cells[_BODY])
            if len(rows) < ROWS_PER_SCAN:
                return
            start = rows[-1].key + b"\x00"

    async def all(self, prefix: str = "") -> Mapping[str, Record]:
        """Read them all at once, for what is few: the keys of one app, signing keys."""
        return {key: record async for key, record in self.stream(prefix)}

    async def _swap(self, key: str, before: Record | None, after: Record | None) -> bool:
        expected = None if before is None else self._encode(before)
        value = None if after is None else self._encode(after)
        cell = Cell(self._table, key.encode(), _BODY)
        return await swap_cell(self._rows, cell, expected, value) == expected

    def _encode(self, record: Record) -> bytes:
        # The compare-and-set compares bytes, so there is one byte string for each value.
        values = asdict(record)
        for name, default in self._omitted.items():
            if values[name] == default:
                del values[name]
        return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()

    def _decode(self, cell: bytes) -> Record:
        values: dict[str, Any] = json.loads(cell)
        for name in self._tuples:
            values[name] = tuple(values[name])
        return self._kind(**values)


class IdentityStore:
    """All that the issuer keeps."""

    def __init__(self, rows: RowStore) -> None:
        self.clients = Records(rows, _CLIENTS, Client)
        self.codes = Records(rows, _CODES, Code)
        self.families = Records(rows, _FAMILIES, Family)
        self.sessions = Records(rows, _SESSIONS, Session)
        self.credentials = Records(rows, _CREDENTIALS, Credential)
        self.sign_ups = Records(rows, _SIGN_UPS, SignUp)
        self.keys = Records(rows, _KEYS, SigningKey)
        self.app_keys = Records(rows, _APP_KEYS, AppKey)
        self.revoked_app_keys = Records(rows, _REVOKED_APP_KEYS, RevokedAppKey)
        self.app_key_signers = Records(rows, _APP_KEY_SIGNERS, SigningKey)
        self.revocations = Records(rows, _REVOCATIONS, Revocation)
        self.password_changes = Records(rows, _PASSWORD_CHANGES, PasswordChange)
