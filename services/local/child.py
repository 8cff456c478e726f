"""One process, started again whenever it dies or hangs until it is to stop."""

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from services.local.forking import ForkedProcess, Forks
from services.local.liveness import Looks, Sign
from services.local.logs import LogLimits, RotatingLog, pump, rotate_beneath
from services.platform.observability.log_events import EVENT_PROCESS_HUNG
from services.platform.observability.process_metrics import ENDED, HUNG
from services.platform.runtime.ending import END_WITHIN_S, HURRIED_END_S
from services.platform.runtime.liveness import HUNG_GRACE_S
from services.platform.runtime.parent_death import die_with_parent

__all__ = ["Child", "Reason"]

Reason = Literal["ended", "hung"]
"""Why it is started again."""

# From SIGTERM to the kill. A service has ended by `END_WITHIN_S`, or the kernel ends it; the rest
# is for this process to notice that, on a busy machine.
NOTICE_S = 5
STOP_TIMEOUT_S = END_WITHIN_S + NOTICE_S
# The same once somebody has asked twice. Most end within a second; this is for one whose clean-up
# takes long, and it is no shorter for an Envoy or a Valkey.
HURRIED_STOP_S = HURRIED_END_S + NOTICE_S
# The first restart comes almost at once; a child that cannot live is not tried in a tight loop.
BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 10.0
# One that lived this long died of something new.
BACKOFF_RESET_S = 30.0
# Of what a child has printed, the last lines are read after its end.
PUMP_END_S = 1.0
# A process is sent the signal to open its logs anew only once it is likely to handle it; one that
# takes longer ignores it. What it appends to is checked before each start, too.
HANDLES_SIGNALS_AFTER_S = 10.0


@dataclass(slots=True)
class Child:
    """One process, started again when it dies unasked, or hangs."""

    name: str
    port: int | Path
    """Where it listens: a TCP port, or a Unix socket."""
    argv: Sequence[str]
    log: Path
    """What it prints; see `services.local.logs`."""
    env: Mapping[str, str] = field(default_factory=dict)
    when_lost: Callable[[str], None] | None = None
    """Called with how it died, in place of a restart: for one whose data is gone with it."""
    appends: Sequence[Path] = ()
    """Logs that it appends to itself, and opens anew on SIGUSR1."""
    backoff_last_s: float = BACKOFF_LAST_S
    """Longest pause before it is started again."""
    stop_timeout_s: float = STOP_TIMEOUT_S
    """Time to end by itself before it is killed."""
    hurries: bool = False
    """Whether a second SIGTERM has it end sooner, in good order, without the calls under way."""
    ends_at: signal.Signals = signal.SIGTERM
    """The signal that says that all ends, where another is for one process of several."""
    forks: Forks | None = None
    """Of what it is a fork, which is as if `argv` were executed, but sooner."""
    sign: Sign | None = None
    """By what it is seen to live; without one, it is never taken for hung."""
    when_restarted: Callable[[str, Reason], None] | None = None
    """Called with its name each time that it is to be started again."""
    _limits: LogLimits = field(default_factory=LogLimits)
    _looks: Looks = field(default_factory=Looks)
    _hung: bool = False
    _began: float = 0.0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | ForkedProcess | None = None
    _keeping: asyncio.Task[None] | None = None

    def start(self, limits: LogLimits | None = None) -> None:
        """Start it, and keep it, its logs within `limits`; returns before it listens."""
        self._limits = limits or self._limits
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self, hurried: asyncio.Event) -> None:
        """End it by `ends_at`; SIGKILL after `stop_timeout_s`, or soon after `hurried` is set."""
        self._stopping.set()
        if self._keeping is None:
            return
        self._signal(self.ends_at)
        hurry = asyncio.create_task(hurried.wait())
        done, _ = await asyncio.wait(
            {self._keeping, hurry},
            timeout=self.stop_timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if hurry in done and self._keeping not in done:
            if self.hurries:
                self._signal(signal.SIGTERM)
            done, _ = await asyncio.wait({self._keeping}, timeout=HURRIED_STOP_S)
        hurry.cancel()
        if self._keeping not in done:
            click.echo(f"{self.name} did not stop in time: killed")
            self._signal(signal.SIGKILL)
        await self._keeping

    async def look(self, awake: Callable[[], bool]) -> None:
        """Look whether it lives; end it when it hangs. `awake` is as in `watching`."""
        process, looks = self._process, self._looks
        if self.sign is None or process is None or process.returncode is not None:
            return
        seen = await self.sign.seen(process.pid)
        gone = process is not self._process or process.returncode is not None
        if gone or self._hung or self._stopping.is_set():
            return
        if looks.hangs(seen=seen, awake=awake()):
            self._hung = True
            click.echo(f"{self.name} hangs: no sign of life in {looks.failed} looks; it is ended")
            self._signal(signal.SIGTERM)
            asyncio.get_running_loop().call_later(HUNG_GRACE_S, self._kill, process)

    def rotate(self) -> None:
        """Set aside what it appends to and is full; what cannot be stays as it is."""
        runs = self._process is not None and self._process.returncode is None
        if runs and time.monotonic() - self._began < HANDLES_SIGNALS_AFTER_S:
            return
        rotated = 0
        for path in self.appends:
            with contextlib.suppress(OSError):
                rotated += rotate_beneath(path, self._limits)
        if rotated:
            self._signal(signal.SIGUSR1)

    async def _keep(self) -> None:
        backoff = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            self._began = time.monotonic()
            outcome = await self._live()
            if self._stopping.is_set():
                return
            if self.when_lost is not None:
                self.when_lost(f"{self.name} {outcome} (see {self.log})")
                return
            if time.monotonic() - self._began > BACKOFF_RESET_S:
                backoff = BACKOFF_FIRST_S
            if self.when_restarted is not None:
                self.when_restarted(self.name, HUNG if self._hung else ENDED)
            click.echo(f"{self.name} {outcome}; again in {backoff:.1f} s (see {self.log})")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
            backoff = min(2 * backoff, self.backoff_last_s)

    async def _live(self) -> str:
        """Run the process once, to its end; say how it ended."""
        self._looks, self._hung = Looks(), False
        if self.sign is not None:
            self.sign.begins()
        try:
            self.rotate()
            printed = await self._started()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
            return f"could not be started: {error}"
        if self._stopping.is_set():
            # The stop came while the process was being made, and found nothing to signal.
            self._signal(self.ends_at)
        assert self._process is not None  # noqa: S101 - it has just been made
        outcome = f"ended with code {await self._process.wait()}"
        # Somebody it has left behind may hold the pipe open.
        await asyncio.to_thread(printed.join, PUMP_END_S)
        if self._hung:
            self._log_hung(outcome)
        return outcome

    def _log_hung(self, outcome: str) -> None:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        event = {"event": EVENT_PROCESS_HUNG, "level": "error", "service": "supervisor"}
        line = json.dumps(
            {"looks": self._looks.failed, "outcome": outcome, **event, "timestamp": at}
        )
        log = RotatingLog(self.log, self._limits)
        log.write(f"{line}\n".encode())
        log.close()

    def _kill(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        if process is self._process:
            self._signal(signal.SIGKILL)

    async def _started(self) -> threading.Thread:
        """Make the process; give what writes its log."""
        reader, writer = os.pipe()
        try:
            self._process = await self._made(writer)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        log = RotatingLog(self.log, self._limits)
        # It is there from the start, also of one that prints nothing.
        log.write(b"")
        printed = threading.Thread(
            target=pump, args=(reader, log), name=f"log-{self.name}", daemon=True
        )
        printed.start()
        return printed

    async def _made(self, output: int) -> asyncio.subprocess.Process | ForkedProcess:
        env = {**os.environ, **self.env}
        if self.forks is not None:
            return await self.forks.start(self.argv, env, output)
        return await asyncio.create_subprocess_exec(
            *self.argv,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C in a terminal reaches this process only, which stops them in order.
            process_group=0,
            preexec_fn=self._before_exec,
        )

    def _before_exec(self) -> None:
        die_with_parent()
        if self.appends:
            # It would end a process that is still busy starting, again and again on a slow machine.
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    def _signal(self, signal_number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            # A fork may not have a group of its own yet.
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError):
                    kill(self._process.pid, signal_number)
                    return
