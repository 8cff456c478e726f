"""How often each child was started again, and why: in memory that a service reports it from."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.local.child import Child, Reason
from services.platform.observability.process_metrics import ENDED, HUNG
from services.platform.specs.discovery import GATEWAY

__all__ = ["count_restarts"]

REASONS: Final[tuple[Reason, ...]] = (ENDED, HUNG)


def count_restarts(children: Sequence[Child]) -> None:
    """Have restarts of all that can be started again counted, and the gateway report them."""
    kept = [child for child in children if child.when_lost is None]
    restarts = _Restarts([child.name for child in kept])
    for child in kept:
        child.when_restarted = restarts.count
        if child.name == GATEWAY:
            child.env = {**child.env, "AVIARY_RESTARTS_FILE": str(restarts.path)}


class _Restarts:
    """Counts by child and reason, since the start of everything, as `observe_restarts` reads it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._descriptor = os.memfd_create("restarts")
        self._counts = {name: dict.fromkeys(REASONS, 0) for name in names}
        self._write()

    @property
    def path(self) -> Path:
        """Where other processes of the same user read it, while this one is there."""
        return Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")

    def count(self, name: str, reason: Reason) -> None:
        self._counts[name][reason] += 1
        self._write()

    def _write(self) -> None:
        # It only grows, so no end of an older text is left.
        os.pwrite(self._descriptor, json.dumps(self._counts).encode(), 0)
