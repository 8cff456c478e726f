"""Keeps a provider in line with the file of flags, which may change at any time."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog
from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.files.watched_file import Stamp, stamp
from services.platform.flags.file import FlagsError, Value, read, unknown
from services.platform.flags.provider import FileProvider
from services.platform.observability.log_events import EVENT_FLAGS_CHANGED, EVENT_FLAGS_REFUSED
from services.platform.observability.names import METRIC_FLAGS_STALE, SCOPE
from services.platform.runtime.background import Background

__all__ = ["FlagFile"]

POLL_EVERY_S = 1.0
"""How late a change is noticed; each look is a `stat` in a thread."""

_log = structlog.get_logger()

_NEVER: Stamp = (-1, -1, -1)
"""Before the first look; None is a file that is not there."""


class FlagFile:
    """Reads the file at the start and after each change; None means that there is no file.

    A file that cannot be used changes nothing: what was in force stays, at the start the defaults,
    so that a mistake in the file neither stops a process nor keeps one from starting.
    """

    def __init__(
        self,
        path: Path | None,
        provider: FileProvider,
        *,
        poll_every_s: float = POLL_EVERY_S,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._path = path
        self._provider = provider
        self._poll_every_s = poll_every_s
        self._seen: Stamp | None = _NEVER
        self._values: Mapping[str, Value] = {}
        self._stale = False
        self._polling = Background("flags", self._look, every_s=poll_every_s)
        metrics.get_meter(SCOPE, meter_provider=meter_provider).create_observable_gauge(
            METRIC_FLAGS_STALE, [lambda _: [Observation(int(self._stale))]]
        )

    async def start(self) -> None:
        """Read the file, then keep watching it."""
        if self._path is not None:
            await self._look()
            self._polling.start(after_s=self._poll_every_s)

    async def stop(self) -> None:
        """Stop watching."""
        await self._polling.stop()

    def holds(self) -> bool:
        """Return whether it goes on watching."""
        return self._polling.holds()

    async def _look(self) -> None:
        path = self._path
        if path is None:
            return
        # Before the read: a change in between is seen by the next look.
        seen = await asyncio.to_thread(_stamp, path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            values = await asyncio.to_thread(read, path)
        except FlagsError as error:
            self._stale = True
            _log.error(EVENT_FLAGS_REFUSED, file=str(path), error=str(error))
            return
        self._stale = False
        if values == self._values:
            return
        self._values = values
        self._provider.replace(values)
        strange = unknown(values)
        (_log.warning if strange else _log.info)(
            EVENT_FLAGS_CHANGED, flags=dict(values), unknown=strange
        )


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp(path)
    except OSError:
        return None
