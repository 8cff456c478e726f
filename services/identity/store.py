"""The issuer's state as rows: one JSON cell each, changed by compare-and-set."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from services.identity.model import (
    OMITTED_BY_DEFAULT,
    AppKey,
    Client,
    Code,
    Credential,
    Device,
    Family,
    PasswordChange,
    Revocation,
    RevokedAppKey,
    Session,
    SigningKey,
    SignUp,
)
from services.identity.spec import (
    APP_KEY_SIGNERS,
    APP_KEYS,
    CLIENTS,
    CODES,
    CREDENTIALS,
    DEVICES,
    FAMILIES,
    GUESSES,
    KEYS,
    PASSWORD_CHANGES,
    REVOCATIONS,
    REVOKED_APP_KEYS,
    SESSIONS,
    SIGN_UPS,
)
from services.platform.rows.cells import overwriting, swap_cell
from services.platform.rows.port import CellName, RowStore, TableSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Counters", "IdentityStore", "Records"]

Record = TypeVar("Record", bound="DataclassInstance")


_BODY = b"body"
_COUNT = b"count"
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
        """Read one; None for a key that cannot be one, as clients make up some."""
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
        change = overwriting(self._table.name, key.encode(), {_BODY: self._encode(record)})
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
        cell = CellName(self._table.name, key.encode(), _BODY)
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


class Counters:
    """One table of counters. Every method raises `UnavailableError` when the engine is gone."""

    def __init__(self, rows: RowStore, table: TableSpec) -> None:
        self._rows = rows
        self._table = table

    async def add(self, key: str, delta: int) -> int:
        """Add to one, which begins at 0; gives what it is then. Atomic, and not idempotent."""
        return await self._rows.increment(self._table.name, key.encode(), _COUNT, delta)


class IdentityStore:
    """All that the issuer keeps."""

    def __init__(self, rows: RowStore) -> None:
        self.clients = Records(rows, CLIENTS, Client)
        self.codes = Records(rows, CODES, Code)
        self.families = Records(rows, FAMILIES, Family)
        self.sessions = Records(rows, SESSIONS, Session)
        self.credentials = Records(rows, CREDENTIALS, Credential)
        self.sign_ups = Records(rows, SIGN_UPS, SignUp)
        self.keys = Records(rows, KEYS, SigningKey)
        self.app_keys = Records(rows, APP_KEYS, AppKey)
        self.revoked_app_keys = Records(rows, REVOKED_APP_KEYS, RevokedAppKey)
        self.app_key_signers = Records(rows, APP_KEY_SIGNERS, SigningKey)
        self.revocations = Records(rows, REVOCATIONS, Revocation)
        self.password_changes = Records(rows, PASSWORD_CHANGES, PasswordChange)
        self.guesses = Counters(rows, GUESSES)
        self.devices = Records(rows, DEVICES, Device)
