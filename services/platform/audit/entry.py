"""What an entry of the audit log says, before it is sealed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.platform.audit.port import Fact

__all__ = ["entry_of"]

MAX_FACT_CHARS: Final = 200
CUT: Final = "…"
"""The last character of a text that was cut."""
_MS_PER_S: Final = 1_000


def entry_of(process: str, event: str, facts: Mapping[str, Fact], now_ms: int) -> dict[str, Any]:
    """Put an entry together; long texts are cut."""
    return {
        "at": _time(now_ms),
        "process": process,
        "event": event,
        "facts": {name: _shortened(fact) for name, fact in facts.items()},
    }


def _time(now_ms: int) -> str:
    at = datetime.fromtimestamp(now_ms / _MS_PER_S, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shortened(fact: Fact) -> Fact:
    if not isinstance(fact, str) or len(fact) <= MAX_FACT_CHARS:
        return fact
    return fact[: MAX_FACT_CHARS - len(CUT)] + CUT
