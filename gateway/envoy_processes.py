"""The Envoys of one configuration: one, and for a while a second that takes its place.

The second takes over the sockets that the first listens at, tells it to let its calls end, and
then to end: Envoy's hot restart. So no connection is refused meanwhile.
"""

import asyncio
import contextlib
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.envoy_binary import envoy_binary
from services.platform.runtime.parent_death import die_with_parent

__all__ = ["CannotReplaceError", "EnvoyProcesses"]

SOCKETS: Final = "envoy"
BASE_ID: Final = "edge.base-id"
"""The file for the number by which one is known to its successors, the end of its sockets' names
and of its shared memory's; Envoy picks one that is free."""
SHARED_MEMORY: Final = "/dev/shm/envoy_shared_memory_{}0"  # noqa: S108 - as Envoy names it
DRAINED_S: Final = 1
"""After the time for calls to end, which Envoy gives in whole seconds."""


class CannotReplaceError(Exception):
    """No other Envoy can take this one's place; says why."""


class EnvoyProcesses:
    """Runs Envoy with `config`. With a `folder` for their sockets, another can take its place.

    The folder is its owner's alone: whoever reaches a socket there can end the Envoy. It is where
    they run, so paths have to be absolute. What is under way has `drain_s` to end.
    """

    def __init__(
        self, config: Path, options: Sequence[str], *, folder: Path | None, drain_s: int
    ) -> None:
        self._config = config
        self._options = (*options, "--drain-time-s", str(drain_s), "--drain-strategy", "immediate")
        self._folder = folder
        self._end_parent_s = drain_s + DRAINED_S
        self._started = 0
        self._running: list[Process] = []

    async def start(self) -> Process:
        """Start one: the first, or the one that is to take the place of the one before."""
        if not self._started:
            self._forget()  # one that was killed could not
        options = [*self._options, *self._for_its_place()]
        process = await self._run(*options)
        self._started += 1
        self._running.append(process)
        return process

    async def replace(self) -> None:
        """Have another one take the place of the one there is; return when that one has ended.

        Raises `CannotReplaceError`, and then all is as it was.
        """
        if self._folder is None:
            raise CannotReplaceError("it was not told --hot-restart FOLDER")
        if await (await self._run("--mode", "validate")).wait():
            raise CannotReplaceError("Envoy does not take the configuration, see above")
        old = self._running[-1]
        new = await self.start()
        old_ends, new_ends = (asyncio.create_task(each.wait()) for each in (old, new))
        await asyncio.wait({old_ends, new_ends}, return_when=asyncio.FIRST_COMPLETED)
        new_ends.cancel()
        if not old_ends.done():
            # It has given up its admin interface, and cannot be looked after any more.
            old.terminate()
        await old_ends
        self._running.remove(old)

    async def wait(self) -> int:
        """Return what one ended with whose place none had taken."""
        while True:
            newest = self._running[-1]
            code = await newest.wait()
            if newest is self._running[-1]:
                return code

    def reopen_logs(self) -> None:
        """Have them open their logs anew."""
        for each in self._alive():
            each.send_signal(signal.SIGUSR1)

    async def end(self, within_s: float) -> None:
        """End them all, and kill those that have not ended by then."""
        for each in self._alive():
            each.terminate()
        ends = [asyncio.create_task(each.wait()) for each in self._running]
        await asyncio.wait(ends, timeout=within_s)
        for each in self._alive():
            each.kill()  # it hangs, and would outlive this
        await asyncio.gather(*ends)
        self._forget()

    def _forget(self) -> None:
        """Remove what Envoy leaves behind for its successors."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            Path(SHARED_MEMORY.format(_base_id(self._folder))).unlink()
        for path in (self._folder / BASE_ID, *self._folder.glob(f"{SOCKETS}_*")):
            path.unlink(missing_ok=True)

    def _alive(self) -> list[Process]:
        return [each for each in self._running if each.returncode is None]

    async def _run(self, *options: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(str(envoy_binary()), "-c", str(self._config)),
            *options,
            # Signals for the group of this process are for this process.
            process_group=0,
            preexec_fn=die_with_parent,
            # By a path from here its sockets' names are short enough, however long the folder's is.
            cwd=self._folder,
        )

    def _for_its_place(self) -> list[str]:
        """Give the options by which an Envoy finds the one before it."""
        if self._folder is None:
            # Many Envoys can live on one machine so, none knowing of the others.
            return ["--disable-hot-restart"]
        at = ["--socket-path", SOCKETS, "--socket-mode", "600"]
        if not self._started:
            chosen = ["--use-dynamic-base-id", "--base-id-path", str(self._folder / BASE_ID)]
        else:
            chosen = ["--base-id", _base_id(self._folder), "--restart-epoch", str(self._started)]
        return [*at, *chosen, "--parent-shutdown-time-s", str(self._end_parent_s)]


def _base_id(folder: Path) -> str:
    return (folder / BASE_ID).read_text().strip()
