"""Signs of life: of a service its heartbeat, of an Envoy and a Valkey that they answer.

Each is such that nothing but the process itself can take it away: what others do, or a disk.
"""

import asyncio
import os
from pathlib import Path
from typing import Final, NamedTuple, Self

from services.local.readiness import HOST
from services.platform.runtime import heartbeat
from services.platform.runtime.liveness import TIMEOUT_S

__all__ = ["Beats", "EnvoyAnswers", "ValkeyWorks"]

READY: Final = b"GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
PING: Final = b"PING\r\n"
BUSY_S: Final = 0.05
"""Of a core's time, since the last look. A Valkey that waits to be asked uses a tenth of it, one
with a long command a hundred times as much."""
TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
WAITS_FOR_A_DISK: Final = "D"


class Beats:
    """The heartbeat of a service, in memory of this process's that the service opens by its path.

    Not in a file on a disk: when that is full or stands still, the service lives.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._last = 0

    @classmethod
    def new(cls, name: str) -> Self:
        """Make one without beats; it is there while this process is."""
        descriptor = os.memfd_create(f"heartbeat-{name}")
        heartbeat.write(descriptor, 0)
        return cls(descriptor)

    @property
    def path(self) -> Path:
        """Where other processes of the same user open it."""
        return Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")

    def begins(self) -> None:
        """Count from here on."""
        self._last = heartbeat.read(self._descriptor)

    async def seen(self, pid: int) -> bool:  # noqa: ARG002 - whose beats these are is known
        """Whether the process has beaten since the last look at it, or since it began."""
        last, self._last = self._last, heartbeat.read(self._descriptor)
        return self._last != last


class EnvoyAnswers(NamedTuple):
    """Whether an Envoy's main thread answers at its admin socket.

    That it is not ready is an answer: it may wait for others.
    """

    admin: Path

    def begins(self) -> None:
        """Forget nothing: each look is one question."""

    async def seen(self, pid: int) -> bool:  # noqa: ARG002 - that is of the program which drains it
        """Whether it answers."""
        return await _answers(str(self.admin), READY)


class ValkeyWorks:
    """Whether a Valkey answers, or else works.

    That it is loading its data, busy with a script, or wants a password is an answer; so it is
    asked without one, and answers even while it pauses its clients. One with a long command answers
    nobody, and uses its core; one whose disk stands still waits for it. A restart would lose what
    it does, and help with neither.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._used_s = 0.0

    def begins(self) -> None:
        """Count from nothing."""
        self._used_s = 0.0

    async def seen(self, pid: int) -> bool:
        """Whether it answers, or has worked since the last look."""
        answers = await _answers(self._port, PING)
        used_s, waits = _work(pid)
        worked = used_s - self._used_s >= BUSY_S
        self._used_s = used_s
        return answers or worked or waits


async def _answers(where: str | int, question: bytes) -> bool:
    """Ask at a Unix socket, or a port of this machine; whether anything comes back in time."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await (
                asyncio.open_unix_connection(where)
                if isinstance(where, str)
                else asyncio.open_connection(HOST, where)
            )
            try:
                writer.write(question)
                return bool(await reader.read(1))
            finally:
                writer.close()
    except OSError:  # `TimeoutError` is one
        return False


def _work(pid: int) -> tuple[float, bool]:
    """Return the seconds of a core that a process has used, and whether it waits for a disk."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0, False
    # After the name, which may have blanks: state, and eleven fields on user and system time.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND, fields[0] == WAITS_FOR_A_DISK
