"""SQLite files as they all were at one moment, though services write to them."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from services.local.backup.errors import BackupError, BusyError
from services.local.backup.holding import PRIMARY_CODE, held

__all__ = ["check_rows", "copy_rows", "one_moment"]

ATTEMPTS: Final = 10
PAUSE_S: Final = 0.5
"""Between attempts, so that writers get on."""
PAGES_PER_STEP: Final = 1_024
"""4 MiB at SQLite's page size; then the bar moves."""

Copied = Callable[[int], object]
"""Called with the bytes copied since the last call."""


@contextmanager
def one_moment(
    paths: Sequence[Path], at_that_moment: Callable[[], None]
) -> Iterator[Mapping[Path, sqlite3.Connection]]:
    """Give a connection to each file; all see the files as of the same moment, until the end.

    Writers are held while the connections begin to read and `at_that_moment` runs, a few
    milliseconds as a rule, and go on after that, whatever becomes of this process. Raises
    `BackupError` when a file cannot be read, or its writers leave no gap.
    """
    with ExitStack() as stack:
        yield _until_frozen(paths, at_that_moment, stack)


def _until_frozen(
    paths: Sequence[Path], at_that_moment: Callable[[], None], stack: ExitStack
) -> dict[Path, sqlite3.Connection]:
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        with ExitStack() as mine, suppress(BusyError):
            readers = _frozen(paths, at_that_moment, mine)
            stack.enter_context(mine.pop_all())
            return readers
    raise BackupError("the stores are too busy: try again, or stop Aviary first")


def _frozen(
    paths: Sequence[Path], at_that_moment: Callable[[], None], stack: ExitStack
) -> dict[Path, sqlite3.Connection]:
    readers: dict[Path, sqlite3.Connection] = {}
    with held(paths), _errors():
        for path in paths:
            reader = stack.enter_context(_opened(path, 0.0))
            reader.execute("BEGIN")
            # What a transaction sees is fixed by its first read.
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            readers[path] = reader
        at_that_moment()
    return readers


@contextmanager
def _opened(path: Path, timeout_s: float) -> Iterator[sqlite3.Connection]:
    # Opened as a URI, so that a file that is gone is an error and not a new one.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None)
    ) as connection:
        yield connection


def copy_rows(source: sqlite3.Connection, target: Path, copied: Copied) -> None:
    """Copy what `source` sees into a new file. Raises `BackupError`."""
    (page_bytes,) = source.execute("PRAGMA page_size").fetchone()
    done = 0

    def progress(_status: int, remaining: int, total: int) -> None:
        nonlocal done
        copied((total - remaining - done) * page_bytes)
        done = total - remaining

    try:
        with closing(sqlite3.connect(target)) as connection:
            source.backup(connection, pages=PAGES_PER_STEP, progress=progress)
    except sqlite3.Error as error:
        raise BackupError(f"{target} cannot be written: {error}") from error


def check_rows(path: Path) -> None:
    """Raise `BackupError` unless SQLite finds the file sound."""
    try:
        with _opened(path, 0.0) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise BackupError(f"{path} is damaged: {said}")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise BusyError(str(error)) from error
        raise BackupError(f"rows cannot be read: {error}") from error
