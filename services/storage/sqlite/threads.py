"""The threads that own SQLite connections: one that writes in groups, a few that read."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from services.errors import UnavailableError

__all__ = ["ReaderPool", "WriterThread", "connect"]

_T = TypeVar("_T")
_Work = Callable[[sqlite3.Connection], Any]

BUSY_TIMEOUT_S = 5.0
"""How long to wait for another process's write; its transactions last milliseconds."""
BUSY_POLL_S = 0.02
"""Pause between attempts where SQLite reports a lock without waiting for it."""
GROUP_MAX_CALLS = 256
"""Calls per transaction: enough to share one fsync, few enough to keep latency flat."""
READER_THREADS = 4
"""Reads are short and mostly hold the interpreter lock; more threads would not read faster."""


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


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.ProgrammingError | sqlite3.InterfaceError
    ):
        unavailable = UnavailableError("The row store cannot answer now.")
        unavailable.__cause__ = error
        return unavailable
    return error


class _Call:
    """Work for the writer and the future of the caller that waits for it."""

    __slots__ = ("_future", "_loop", "work")

    def __init__(self, work: _Work, future: asyncio.Future[Any]) -> None:
        self.work = work
        self._future = future
        self._loop = future.get_loop()

    def answer(self, result: object, error: BaseException | None) -> None:
        """Wake the caller; one whose loop is gone no longer cares."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)


class WriterThread:
    """Commits all calls that wait in one transaction, so that they share one fsync.

    Work may run twice (again alone, if its group failed) and must depend on the database only.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` in a write transaction; durable on return, nothing changed on an error."""
        if self._closed:
            raise UnavailableError("The row store is closed.")
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._calls.put(_Call(work, future))
        return await future

    async def close(self) -> None:
        """Commit what was accepted, then end the thread and its connection."""
        if not self._closed:
            self._closed = True
            self._calls.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ending = False
        while not ending:
            group, ending = self._next_group()
            if group:
                self._commit(group)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Call], bool]:
        group: list[_Call] = []
        call = self._calls.get()
        while call is not None:
            group.append(call)
            if len(group) >= GROUP_MAX_CALLS:
                return group, False
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Call]) -> None:
        try:
            results = self._transact(group)
        except Exception as error:  # noqa: BLE001 - every error belongs to a waiting caller
            if len(group) == 1:
                group[0].answer(None, _translate(error))
                return
            for call in group:
                self._commit([call])
            return
        for call, result in zip(group, results, strict=True):
            call.answer(result, None)

    def _transact(self, group: list[_Call]) -> list[object]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [call.work(self._connection) for call in group]
            self._connection.execute("COMMIT")
        except BaseException:
            # Some errors (a full disk) have rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return results


class ReaderPool:
    """A few threads, each with its own connection; WAL lets them read while one writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self._pool = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="sqlite-reader")

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work`, which reads, on a free thread."""
        if self._closed:
            raise UnavailableError("The row store is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, work)

    async def close(self) -> None:
        """Wait for running reads and close their connections."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True)
        while self._connections:
            self._connections.pop().close()

    def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return self._snapshot(work)
        except sqlite3.Error as error:
            raise _translate(error) from error

    def _snapshot(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            self._connections.append(connection)
        # One transaction, so that work of several statements never sees half of a row change.
        connection.execute("BEGIN")
        try:
            return work(connection)
        finally:
            connection.execute("COMMIT")
