"""One process, kept alive until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from services.parent_death import die_with_parent

__all__ = ["Child"]

# Time to finish calls under way before a child is killed; as long as the edge's request timeout.
STOP_TIMEOUT_S = 10.0
# The first restart comes almost at once; a child that cannot live is not tried in a tight loop.
BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 10.0
# One that lived this long died of something new.
BACKOFF_RESET_S = 30.0


@dataclass(slots=True)
class Child:
    """One process, started again when it dies unasked."""

    name: str
    port: int | Path
    """Where it listens: a TCP port, or a Unix socket."""
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    when_lost: Callable[[str], None] | None = None
    """Told how it died, in place of a restart: for one whose data is gone with it."""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None
    _keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and keep it; returns before it listens."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after `STOP_TIMEOUT_S`."""
        self._stopping.set()
        if self._keeping is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._keeping], timeout=STOP_TIMEOUT_S)
        if not done:
            click.echo(f"{self.name} did not stop in {STOP_TIMEOUT_S:.0f} s: killed")
            self._signal(signal.SIGKILL)
        await self._keeping

    async def _keep(self) -> None:
        backoff = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            began = time.monotonic()
            outcome = await self._live()
            if self._stopping.is_set():
                return
            if self.when_lost is not None:
                self.when_lost(f"{self.name} {outcome} (see {self.log})")
                return
            if time.monotonic() - began > BACKOFF_RESET_S:
                backoff = BACKOFF_FIRST_S
            click.echo(f"{self.name} {outcome}; again in {backoff:.1f} s (see {self.log})")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
            backoff = min(2 * backoff, BACKOFF_LAST_S)

    async def _live(self) -> str:
        """Run the process once, to its end; say how it ended."""
        try:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.argv,
                    env={**os.environ, **self.env},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C in a terminal reaches this process only, which stops them in order.
                    process_group=0,
                    preexec_fn=die_with_parent,
                )
        except OSError as error:
            return f"could not be started: {error}"
        if self._stopping.is_set():
            # The stop came while the process was being made, and found nothing to signal.
            self._signal(signal.SIGTERM)
        return f"ended with code {await self._process.wait()}"

    def _signal(self, signal_number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal_number)
