"""Counts what may come as a flood, so that nobody fills the audit log by knocking."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.platform.audit.port import Audit, Fact
from services.platform.observability.log_events import EVENT_AUDIT_UNWRITTEN

__all__ = ["WRITE_EVERY_S", "Tally"]

WRITE_EVERY_S: Final = 2.0
MAX_KINDS: Final = 100
"""Kinds distinguished between two writes; a flood from many addresses, or to many paths, would
else be as many entries. What is beyond is counted by event alone."""

_log = structlog.get_logger()
_Kind = tuple[str, tuple[tuple[str, Fact], ...]]


@dataclass(slots=True)
class _Count:
    example: Mapping[str, Fact]
    """What is of the first alone."""
    times: int = 0
    facts: Mapping[str, Fact] = field(default_factory=dict)


class Tally:
    """One entry for each kind of event since the last write, with `times`; thread-safe."""

    def __init__(self, audit: Audit, *, max_kinds: int = MAX_KINDS) -> None:
        self._audit = audit
        self._max_kinds = max_kinds
        self._counts: dict[_Kind, _Count] = {}
        self._lock = threading.Lock()

    def count(
        self, event: str, facts: Mapping[str, Fact], example: Mapping[str, Fact] | None = None
    ) -> None:
        """Count an event; `facts` make its kind, `example` is kept of the first of a kind."""
        with self._lock:
            kind = (event, tuple(sorted(facts.items())))
            if kind not in self._counts and len(self._counts) >= self._max_kinds:
                facts = {"others": True}
                kind = (event, tuple(facts.items()))
            found = self._counts.setdefault(kind, _Count(example or {}, facts=facts))
            found.times += 1

    def write(self) -> None:
        """Record what was counted since. Raises `OSError`, as the audit log does."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for (event, _), found in counts.items():
            self._audit.record(event, **found.facts, times=found.times, **found.example)

    def try_to_write(self) -> None:
        """Write, or lose what was counted: a refusal stands, recorded or not."""
        try:
            self.write()
        except OSError as error:
            _log.warning(EVENT_AUDIT_UNWRITTEN, error=str(error))
