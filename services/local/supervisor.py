"""The whole of Aviary on one machine, as child processes of this one.

Engines first, then the services, then the edge; stopped in the opposite order, so that nothing is
asked of a process that has gone.
"""

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from services.local import liveness, scrape_targets
from services.local.certificates import certified
from services.local.child import HURRIED_STOP_S, STOP_TIMEOUT_S, Child
from services.local.errors import StartError
from services.local.forking import Forks
from services.local.lock import locked
from services.local.logs import LogLimits
from services.local.own_files import opened, secrets_in_files, signed, socket_folder
from services.local.plan import EDGE_ADMIN, Plan, Where, on_emulators, on_this_machine
from services.local.readiness import HOST, READY, accepting, ready, require_free
from services.local.scale import ONE_OF_EACH
from services.platform.files import local_addresses, owner_only
from services.platform.observability.output import protect_output
from services.platform.runtime.background import Background
from services.platform.runtime.ending import Ending
from services.platform.runtime.liveness import PERIOD_S

__all__ = ["LostError", "run", "up"]


MAX_GROUPS = 4
"""Of children that stop one after the other: edge, sidecars, services, engines."""
END_WITHIN_S = MAX_GROUPS * STOP_TIMEOUT_S
"""From the first signal: each group may take the time of its slowest."""
HURRIED_END_S = MAX_GROUPS * HURRIED_STOP_S
"""The same from the second signal."""
ROTATE_EVERY_S = 1.0
"""Between looks at logs that children append to; a flood adds some 10 MB in this time."""


class LostError(Exception):
    """Aviary cannot go on: something that cannot be started again has died."""


def run(  # noqa: PLR0913 - one value each, and all but two have defaults
    data_dir: Path,
    edge_port: int,
    python: str = sys.executable,
    *,
    emulators: bool = False,
    sidecars: bool = False,
    scale: Mapping[str, int] = ONE_OF_EACH,
) -> int:
    """Run everything until a signal; give the exit code.

    0 after a signal, 1 when it cannot start or go on. `data_dir` is made when missing; `python` is
    the interpreter of the services; with `emulators`, Bigtable and Pub/Sub are used as emulated;
    with `sidecars`, each process is behind one of its own. `scale` says how many processes of a
    service there are.
    """
    protect_output("supervisor")
    try:
        asyncio.run(
            up(data_dir, edge_port, python, emulators=emulators, sidecars=sidecars, scale=scale)
        )
    except (StartError, OSError) as error:  # such as a disk without room
        click.echo(f"Aviary cannot start: {error}", err=True)
        return 1
    except LostError as error:
        click.echo(f"Aviary cannot go on: {error}", err=True)
        return 1
    return 0


async def up(  # noqa: PLR0913 - as above
    data_dir: Path,
    edge_port: int,
    python: str = sys.executable,
    *,
    emulators: bool = False,
    sidecars: bool = False,
    scale: Mapping[str, int] = ONE_OF_EACH,
) -> None:
    """Start everything, wait for a signal to end, stop everything.

    Raises `StartError`, and `LostError` when an emulator dies.
    """
    owner_only.umask()
    end = _End(Ending.by_signals(within_s=END_WITHIN_S, hurried_s=HURRIED_END_S))
    data_dir = opened(data_dir)
    with (
        locked(data_dir),
        socket_folder(data_dir) as sockets,
        secrets_in_files(data_dir),
        signed(data_dir, sidecars=sidecars),
    ):
        require_free(edge_port)
        # Another interpreter may be of another release, or a wrapper.
        forks = Forks(emulators=emulators) if python == sys.executable else None
        async with certified(data_dir) as certificates:
            where = Where(
                data_dir, sockets, edge_port, python, certificates, sidecars, forks, scale
            )
            plan = on_emulators(where, end.lose) if emulators else on_this_machine(where)
            await _run(plan, where, end, emulators=emulators)
    if end.lost:
        raise LostError(end.lost)


async def _run(plan: Plan, where: Where, end: "_End", *, emulators: bool) -> None:
    """Run what is planned until the end is wanted."""
    data_dir, edge_port = where.data_dir, where.edge_port
    limits, watched = LogLimits.of(os.environ), liveness.is_wanted(os.environ)
    started: list[Sequence[Child]] = []

    async def rotate() -> None:
        for group in started:
            for child in group:
                child.rotate()

    async def look(awake: Callable[[], bool]) -> None:
        await asyncio.gather(*(child.look(awake) for group in started for child in group))

    rotating = Background("logs", rotate, every_s=ROTATE_EVERY_S)
    watching = liveness.watching(look)
    with (
        local_addresses.published(data_dir, plan.addresses),
        scrape_targets.published(data_dir, plan.metrics),
    ):
        try:
            rotating.start()
            if watched:
                watching.start(after_s=PERIOD_S)
            wanted = end.signals.wanted
            if await _start(plan.groups, started, limits, wanted) and await ready(
                edge_port, where.sockets / EDGE_ADMIN, wanted, data_dir
            ):
                _greet(where, emulators=emulators)
                await wanted.wait()
        finally:
            click.echo("stopping: calls under way end first; again Ctrl-C cuts them off")
            await asyncio.gather(rotating.stop(), watching.stop())
            for group in reversed(started):
                await asyncio.gather(*(child.stop(end.signals.hurried) for child in group))


@dataclass(slots=True)
class _End:
    """Whether and why to stop."""

    signals: Ending
    lost: str = ""

    def lose(self, how: str) -> None:
        self.lost = f"{how}, and what it held is gone; start anew"
        self.signals.wanted.set()


async def _start(
    groups: Sequence[Sequence[Child]],
    started: list[Sequence[Child]],
    limits: LogLimits,
    stop: asyncio.Event,
) -> bool:
    """Start group after group, noting each in `started`; False when `stop` is set first."""
    for group in groups:
        started.append(group)
        click.echo(f"starting {', '.join(child.name for child in group)}")
        for child in group:
            child.start(limits)
        # Each group needs the one before; Envoy started early would hold its first
        # health checks against services that were not up yet.
        if not await accepting([child.port for child in group], stop):
            return False
    return True


def _command(where: Where) -> Sequence[str]:
    """Return how to type a command, in any folder: an installed Aviary has no module to name."""
    typed = Path(sys.argv[0])
    return (str(typed.resolve()),) if typed.name == "aviary" else (where.python, "-m", "services")


def _greet(where: Where, *, emulators: bool) -> None:
    data_dir, edge = where.data_dir, f"http://{HOST}:{where.edge_port}"
    click.echo(f"{READY}\n  web    {edge}/\n  REST   {edge}/v1/\n  docs   {edge}/docs")
    click.echo(f"  health {edge}/healthz\n  logs   {data_dir / 'logs'}")
    token = (*_command(where), "token", "--user", "HANDLE", "--data-dir", data_dir)
    admin = ("curl", "--unix-socket", where.sockets / EDGE_ADMIN, "http://edge/stats")
    click.echo(f"  token  {shlex.join(map(str, token))}\n  admin  {shlex.join(map(str, admin))}")
    if emulators:
        click.echo("  The emulators keep all data in memory: it is gone when this stops.")
        click.echo("  They ask nobody for a password: every user of this machine can read and")
        click.echo("  change what they hold. They are for development, where you are alone.")
