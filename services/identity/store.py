"""The issuer's state as rows: one JSON cell each, changed by compare-and-set."""

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
    ID_TOKEN_KEYS,
    KEYS,
    PASSWORD_CHANGES,
    REVOCATIONS,
    REVOKED_APP_KEYS,
    SESSIONS,
    SIGN_UPS,
)
from services.platform.rows.cells import overwriting
from services.platform.rows.json_cells import JsonCells
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
        self._names = [field.name for field in fields(kind)]
        self._cells = JsonCells(self._encode, self._decode, sort_keys=True)
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
        return None if row is None else self._cells.loads(row.cells[_BODY])

    async def add(self, key: str, record: Record) -> bool:
        """Write a new one; False, and nothing changed, if there is one. Atomic."""
        return await self._cells.add(self._rows, self._cell(key), record) is None

    async def replace(self, key: str, before: Record, after: Record) -> bool:
        """Change one; False, and nothing changed, if it is not `before` any more. Atomic."""
        return await self._cells.replace(self._rows, self._cell(key), before, after)

    async def put(self, key: str, record: Record) -> None:
        """Write one, whatever was there."""
        change = overwriting(self._table.name, key.encode(), {_BODY: self._cells.dumps(record)})
        await self._rows.mutate([change])

    async def remove(self, key: str, before: Record) -> bool:
        """Remove one; False, and nothing changed, if it is not `before` any more. Atomic."""
        return await self._cells.replace(self._rows, self._cell(key), before, None)

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
                yield row.key.decode(), self._cells.loads(row.cells[_BODY])
            if len(rows) < ROWS_PER_SCAN:
                return
            start = rows[-1].key + b"\x00"

    async def all(self, prefix: str = "") -> Mapping[str, Record]:
        """Read them all at once, for what is few: the keys of one app, signing keys."""
        return {key: record async for key, record in self.stream(prefix)}

    def _cell(self, key: str) -> CellName:
        return CellName(self._table.name, key.encode(), _BODY)

    def _encode(self, record: Record) -> dict[str, Any]:
        values = asdict(record)
        for name, default in self._omitted.items():
            if values[name] == default:
                del values[name]
        return values

    def _decode(self, found: Mapping[str, Any]) -> Record:
        values = {name: found[name] for name in self._names if name in found}
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
        self.id_token_keys = Records(rows, ID_TOKEN_KEYS, SigningKey)
        self.app_keys = Records(rows, APP_KEYS, AppKey)
        self.revoked_app_keys = Records(rows, REVOKED_APP_KEYS, RevokedAppKey)
        self.app_key_signers = Records(rows, APP_KEY_SIGNERS, SigningKey)
        self.revocations = Records(rows, REVOCATIONS, Revocation)
        self.password_changes = Records(rows, PASSWORD_CHANGES, PasswordChange)
        self.guesses = Counters(rows, GUESSES)
        self.devices = Records(rows, DEVICES, Device)
