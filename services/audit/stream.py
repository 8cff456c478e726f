"""An audit log among a process's other log lines, for where nothing outlives a container."""

import secrets
import threading
from typing import Final, TextIO

from services.audit.chain import GENESIS, Head, seal
from services.audit.entry import entry_of
from services.audit.port import Fact
from services.clock import Clock

__all__ = ["AuditStream"]

START_BYTES: Final = 4
"""Tells one start of a process from the next."""


class AuditStream:
    """An `Audit` that writes each sealed entry to `out` as a line; thread-safe.

    Whoever collects the lines keeps the log. Each start begins a chain of its own, as there is no
    head to be found here; `process` in its entries is of that start alone. Picked by it, in their
    order, the lines are a file that `audit verify` takes.
    """

    def __init__(self, out: TextIO, name: str, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._process = f"{name}-{secrets.token_hex(START_BYTES)}"
        self._head = Head(-1, GENESIS)
        self._lock = threading.Lock()

    def record(self, event: str, /, **facts: Fact) -> None:
        """See `Audit.record`."""
        with self._lock:
            entry = entry_of(self._process, event, facts, self._clock.now_ms())
            line, self._head = seal(entry, self._head)
            self._out.write(line.decode() + "\n")
            self._out.flush()
