"""Commands of `aviary` as forks of one process that has imported what they use.

One starts in no time, where Python takes seconds to import it all; else it is what somebody would
type, with an environment and an output of its own.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Ended", "run"]

PRELOADED = (
    "google.cloud.bigtable.data",
    "google.cloud.pubsub_v1",
    "services.cli.audit",
    "services.cli.issuer_commands",
    "services.cli.operate.command",
    "services.cli.token",
    "services.cli.preloaded",  # last: what is there then is shared for good
)
COMMAND_TIMEOUT_S = 60
STDIN, STDOUT, STDERR = 0, 1, 2

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(PRELOADED))


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run `aviary` with these arguments to its end, in this environment and no other."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _context.Process(
            target=_be, args=(tuple(arguments), dict(environment), str(out), str(err))
        )
        process.start()
        process.join(COMMAND_TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"{arguments} has not ended in {COMMAND_TIMEOUT_S} s")
        return Ended(process.exitcode, out.read_text(), err.read_text())


def _be(arguments: Sequence[str], environment: Mapping[str, str], out: str, err: str) -> None:
    """Be that process; in the fork."""
    written = os.O_WRONLY | os.O_CREAT
    for path, flags, there in (
        (os.devnull, os.O_RDONLY, STDIN),
        (out, written, STDOUT),
        (err, written, STDERR),
    ):
        here = os.open(path, flags, mode=0o600)
        os.dup2(here, there)
        os.close(here)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["services", *arguments]
    runpy.run_module("services", run_name="__main__", alter_sys=True)
