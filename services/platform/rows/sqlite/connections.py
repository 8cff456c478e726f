"""Connections to one SQLite file, and what their errors mean to a caller."""

import sqlite3
import time
from pathlib import Path

from services.platform.errors import UnavailableError

__all__ = ["connect", "is_of", "translated", "unavailable"]

NO_ROOM = "The row store has no room to write."
BUSY_TIMEOUT_S = 5.0
"""How long to wait for another process's write where no call waits for it: at the start."""
BUSY_POLL_S = 0.02
"""Pause between attempts where SQLite reports a lock without waiting for it."""
PRIMARY_CODE = 0xFF
"""The bits of SQLite's error code that say what; the rest say why."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection in WAL mode with full durability; transactions are begun by hand."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _enter_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _enter_wal(connection: sqlite3.Connection) -> None:
    # The switch to WAL does not honour the busy timeout, so two first openers must poll.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(BUSY_POLL_S)
        else:
            return


def translated(error: BaseException) -> BaseException:
    """Give the error to raise: SQLite's own faults are the engine's, all others stay."""
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.ProgrammingError | sqlite3.InterfaceError
    ):
        return unavailable(error)
    return error


def unavailable(cause: BaseException) -> UnavailableError:
    """Give the error of an engine that cannot answer, or has no room."""
    full = is_of(cause, sqlite3.SQLITE_FULL)
    error = UnavailableError(NO_ROOM if full else "The row store cannot answer now.")
    error.__cause__ = cause
    return error


def is_of(error: BaseException, *codes: int) -> bool:
    """Whether SQLite says that it is one of these, whatever the reason that it gives besides."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & PRIMARY_CODE in codes
