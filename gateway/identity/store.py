"""The issuer's state as rows: one JSON cell each, changed by compare-and-set."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gateway.identity.model import (
    REFRESH_TOKEN_S,
    Client,
    Code,
    Credential,
    Family,
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
_CREDENTIALS = TableSpec("identity_credentials")
_SIGN_UPS = TableSpec("identity_sign_ups")
_KEYS = TableSpec("identity_keys")

TABLES = (_CLIENTS, _CODES, _FAMILIES, _CREDENTIALS, _SIGN_UPS, _KEYS)
"""Clients and families by id, codes by digest, credentials by user, sign-ups by canonical handle,
keys as in `keys`. What opens a door is kept as a digest, or sealed."""

_BODY = b"body"
MAX_KEY_CHARS: Final = 128
"""The longest of ours is a digest of 64; Bigtable takes 4 KiB, and no empty one."""
MAX_SCANNED: Final = 1_000
"""Rows of one scan; what is scanned, keys and sign-ups under way, is a handful."""


class Records(Generic[Record]):
    """One table of records. Every method raises `UnavailableError` when the engine is gone."""

    def __init__(self, rows: RowStore, table: TableSpec, kind: type[Record]) -> None:
        self._rows = rows
        self._table = table
        self._kind = kind
        self._tuples = {field.name for field in fields(kind) if "tuple" in str(field.type)}

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

    async def all(self) -> Mapping[str, Record]:
        """Read them all, at most `MAX_SCANNED`."""
        rows = await self._rows.scan(self._table.name, b"", b"\xff", limit=MAX_SCANNED)
        return {row.key.decode(): self._decode(row.cells[_BODY]) for row in rows}

    async def _swap(self, key: str, before: Record | None, after: Record | None) -> bool:
        expected = None if before is None else self._encode(before)
        value = None if after is None else self._encode(after)
        cell = Cell(self._table, key.encode(), _BODY)
        return await swap_cell(self._rows, cell, expected, value) == expected

    def _encode(self, record: Record) -> bytes:
        # The compare-and-set compares bytes, so there is one byte string for each value.
        return json.dumps(asdict(record), sort_keys=True, separators=(",", ":")).encode()

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
        self.credentials = Records(rows, _CREDENTIALS, Credential)
        self.sign_ups = Records(rows, _SIGN_UPS, SignUp)
        self.keys = Records(rows, _KEYS, SigningKey)
