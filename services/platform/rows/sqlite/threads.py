"""The threads that own SQLite connections: one that writes in groups, a few that read.

Calls are bounded by the caller's deadline. A read or write that its caller gave up before its turn
is never run; one that was given up in its transaction has an open outcome, as on any store.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from services.platform.errors import UnavailableError
from services.platform.rows.sqlite.connections import connect, is_of, translated, unavailable
from services.platform.runtime.deadlines import allowed_s

__all__ = ["ReaderPool", "WriterThread"]

STALE_AFTER_S = 60.0
"""A group under way for longer than this hangs."""

_T = TypeVar("_T")
_Work = Callable[[sqlite3.Connection], Any]

CALL_TIMEOUT_S = 3.0
"""Bound of one call, its turn in the queue and the wait for another process's write included;
those last milliseconds. Less than a server's default deadline, so that an answer comes in time."""
BUSY_ROUND_MS = 100
"""How long the writer waits for a lock before it looks who still wants their write."""
GROUP_MAX_CALLS = 256
"""Calls per transaction: enough to share one fsync, few enough to keep latency flat."""
READER_THREADS = 4
"""Reads are short and mostly hold the interpreter lock; more threads would not read faster."""


class _Call:
    """Work for the writer and the future of the caller that waits for it."""

    __slots__ = ("_future", "loop", "work")

    def __init__(self, work: _Work, future: asyncio.Future[Any]) -> None:
        self.work = work
        self._future = future
        self.loop = future.get_loop()

    @property
    def is_wanted(self) -> bool:
        """Whether the caller still waits: not timed out, not cancelled."""
        return not self._future.done()

    def settle(self, result: object, error: BaseException | None) -> None:
        """Give the caller its answer, in its own thread."""
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)


_Answer = tuple[_Call, object, BaseException | None]


def _answer(answers: Sequence[_Answer]) -> None:
    """Wake the callers, those of a loop all at once; whose loop is gone no longer cares."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for each in answers:
        by_loop.setdefault(each[0].loop, []).append(each)
    for loop, own in by_loop.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, own)


def _settle(answers: Sequence[_Answer]) -> None:
    for call, result, error in answers:
        call.settle(result, error)


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    # Each gets an error of its own: a traceback grows where it is raised.
    _answer([(call, None, translated(error)) for call in calls])


class WriterThread:
    """Commits all calls that wait in one transaction, so that they share one fsync.

    Work may run twice (again alone, if its group failed) and must depend on the database only.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(f"PRAGMA busy_timeout = {BUSY_ROUND_MS}")
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closed = False
        self._writes = True
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` in a write transaction; durable on return, nothing changed on an error.

        The exception is `UnavailableError` for no answer in time: `work` may have been under way.
        """
        if self._closed:
            raise UnavailableError("The row store is closed.")
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._calls.put(_Call(work, future))
        try:
            async with asyncio.timeout(allowed_s(CALL_TIMEOUT_S)):
                return await future
        except TimeoutError as error:
            raise unavailable(error) from error

    @property
    def writes(self) -> bool:
        """Whether the last transaction could be written: false on a disk that is full or broken."""
        return self._writes

    def holds(self) -> bool:
        """Whether the thread goes on, and can write."""
        began = self._began
        hangs = began is not None and time.monotonic() - began > STALE_AFTER_S
        return self._closed or (self._thread.is_alive() and self._writes and not hangs)

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
                self._began = time.monotonic()
                self._try_to_commit(group)
                self._began = None
        self._connection.close()

    def _try_to_commit(self, group: list[_Call]) -> None:
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - nobody would start this thread anew
            _fail(group, error)

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

    def _commit(self, calls: list[_Call]) -> None:
        try:
            group = self._begin(calls)
        except Exception as error:  # noqa: BLE001 - every error belongs to the waiting callers
            self._failed(error)
            _fail(calls, error)
            return
        try:
            results = self._transact(group)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)
            if len(group) == 1:
                _fail(group, error)
                return
            for call in group:
                self._commit([call])
            return
        if group:
            self._writes = True
        _answer([(call, result, None) for call, result in zip(group, results, strict=True)])

    def _failed(self, error: Exception) -> None:
        if is_of(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            self._writes = False

    def _begin(self, calls: list[_Call]) -> list[_Call]:
        """Begin a transaction for those of `calls` that are wanted once the lock is ours.

        Begins none if nobody waits any more.
        """
        while any(call.is_wanted for call in calls):
            # Where even the end of the last transaction could not be written.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_of(error, sqlite3.SQLITE_BUSY):
                    raise
            else:
                return [call for call in calls if call.is_wanted]
        return []

    def _transact(self, group: list[_Call]) -> list[object]:
        if not self._connection.in_transaction:
            return []
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
        """Run `work`, which reads, on a free thread; `UnavailableError` for no answer in time."""
        if self._closed:
            raise UnavailableError("The row store is closed.")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(allowed_s(CALL_TIMEOUT_S)):
                return await loop.run_in_executor(self._pool, self._read, work)
        except TimeoutError as error:
            raise unavailable(error) from error

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
            raise translated(error) from error

    def _snapshot(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            self._connections.append(connection)
        if connection.in_transaction:  # the end of the last could not be read
            connection.execute("ROLLBACK")
        # One transaction, so that work of several statements never sees half of a row change.
        connection.execute("BEGIN")
        try:
            return work(connection)
        finally:
            connection.execute("COMMIT")
