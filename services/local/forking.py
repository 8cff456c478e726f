"""Services as forks of one process that has imported what they share: they start in no time.

Each is then as if it had been started by `python -m services <name>`, with an environment, an
output and a process group of its own.
"""

import asyncio
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from setproctitle import setproctitle

from services.platform.runtime.parent_death import die_with_parent

__all__ = ["ForkedProcess", "Forks"]

STDIN, STDOUT, STDERR = 0, 1, 2
PRELOADED = "services.cli.preloaded"
"""Imported last: what is there then is shared for good."""
ON_EMULATORS = ("google.cloud.bigtable.data", "google.cloud.pubsub_v1")
"""What the clients of the cloud's stores are, which take longer to import than all the rest."""


class ForkedProcess:
    """A running fork, as `asyncio.subprocess.Process` is one that was executed."""

    def __init__(self, process: ForkServerProcess, pid: int) -> None:
        self._process = process
        self.pid = pid

    @property
    def returncode(self) -> int | None:
        """How it ended, or the negative number of the signal that did; None while it runs."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait until it has ended; give how."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(self._process.sentinel, _set, ended)
        try:
            await ended
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None  # noqa: S101 - it has been waited for
        return self._process.exitcode


class Forks:
    """Makes services by forking. All end when the process does that made this."""

    def __init__(self, *, emulators: bool = False) -> None:
        """Have the shared modules imported, in the background."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*(ON_EMULATORS if emulators else ()), PRELOADED])
        forkserver.ensure_running()

    async def start(
        self, argv: Sequence[str], env: Mapping[str, str], output: int
    ) -> ForkedProcess:
        """Start what `argv` (Python, `-m`, a module, its arguments) would; it prints into `output`.

        Waits until the imports are done.
        """
        # The descriptor stays the caller's: what is sent along is a copy.
        printed = Connection(os.dup(output), readable=False)
        process = self._context.Process(target=_run, args=(argv, dict(env), printed))
        # A process dies with the thread that has made it, so it is this one, which stays.
        forkserver.ensure_running()
        try:
            await asyncio.to_thread(process.start)
        finally:
            printed.close()
        assert process.pid is not None  # noqa: S101 - it has been started
        return ForkedProcess(process, process.pid)


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


def _run(argv: Sequence[str], env: Mapping[str, str], output: Connection) -> None:
    """Be that process; in the fork."""
    # Ctrl-C in a terminal reaches the supervisor only, which stops all in order.
    os.setpgid(0, 0)
    die_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, STDIN), (output.fileno(), STDOUT), (output.fileno(), STDERR)):
        os.dup2(here, there)
    os.close(nothing)
    output.close()
    # Before the environment is another: that is where the title has its room.
    setproctitle(" ".join(argv))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [*argv[2:]]
    module = sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
