"""An audit log among a process's other log lines, for where nothing outlives a container."""

import secrets
import threading
from collections.abc import Callable
from typing import Final

from services.platform.audit.chain import GENESIS, Head, seal
from services.platform.audit.entry import entry_of
from services.platform.audit.port import Fact, UnwrittenError
from services.platform.runtime.clock import Clock

__all__ = ["AuditStream"]

START_BYTES: Final = 4
"""Enough to distinguish one start of a process from the next."""


class AuditStream:
    """An `Audit` that gives each sealed entry to `write` as a line; thread-safe.

    `write` raises `OSError` unless it has written all of it: the entry is then not in the chain.

    Whoever collects the lines keeps the log. Each start begins a chain of its own, as there is no
    head to be found here; `process` in its entries is of that start alone. Picked by it, in their
    order, the lines are a file that `audit verify` takes.
    """

    def __init__(self, write: Callable[[bytes], object], name: str, clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._process = f"{name}-{secrets.token_hex(START_BYTES)}"
        self._head = Head(-1, GENESIS)
        self._lock = threading.Lock()

    def record(self, event: str, /, **facts: Fact) -> None:
        """Append an event; raises `UnwrittenError` when it cannot be written."""
        with self._lock:
            entry = entry_of(self._process, event, facts, self._clock.now_ms())
            line, head = seal(entry, self._head)
            try:
                self._write(line + b"\n")
            except OSError as error:
                raise UnwrittenError from error
            self._head = head
