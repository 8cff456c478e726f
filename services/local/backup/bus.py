"""What the bus holds, as of one moment, in the form that its Valkey starts from."""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from services.local.backup.errors import BackupError, BusyError
from services.local.valkey_binary import valkey_binary
from services.platform.valkey.connection import open_blocking

__all__ = ["BUS_FILES", "BusMoment", "check_bus", "resting_bus", "running_bus"]

DUMP: Final = "dump.rdb"
"""Where Valkey saves to by default."""
AOF_FOLDER: Final = "appendonlydir"
BASE: Final = "appendonly.aof.1.base.rdb"
MANIFEST: Final = "appendonly.aof.manifest"
MANIFEST_TEXT: Final = f"file {BASE} seq 1 type b\n"
BUS_FILES: Final = frozenset({f"{AOF_FOLDER}/{BASE}", f"{AOF_FOLDER}/{MANIFEST}"})
"""All that a copy has, by path within its folder."""
CHECKER: Final = "valkey-check-rdb"
"""The server is this program when it is called so."""
SOUND: Final = re.compile(r"^\[offset (\d+)\] .*RDB looks OK", re.MULTILINE)
"""What it says of a file, and where what it has read ends."""
TIMEOUT_S: Final = 5.0
SAVE_WITHIN_S: Final = 600.0
"""A save writes some hundred megabytes a second."""
START_WITHIN_S: Final = 120.0
POLL_S: Final = 0.05


class BusMoment:
    """Takes a copy of a bus: `begin` fixes the moment, `finish` gives the copy."""

    def __init__(self, client: Redis, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._saves = 0

    def begin(self) -> None:
        """Have the bus fork, which is the moment.

        Raises `BackupError`, and `BusyError` when it saves for reasons of its own.
        """
        try:
            self._saves = int(self._state()["rdb_saves"]) + 1
            self._client.bgsave()
        except ResponseError as error:
            raise BusyError(f"the bus does not save now: {error}") from error
        except RedisError as error:
            raise BackupError(f"the bus cannot be saved: {error}") from error

    def finish(self, target: Path) -> None:
        """Write the copy into the new folder `target`, sound, or raise `BackupError`."""
        deadline = time.monotonic() + SAVE_WITHIN_S
        try:
            while (state := self._state())["rdb_bgsave_in_progress"]:
                if time.monotonic() > deadline:
                    raise BackupError(f"the bus does not save within {SAVE_WITHIN_S:.0f} s")
                time.sleep(POLL_S)
            with (self._folder / DUMP).open("rb") as saved:
                # A later save replaces the file, and would show a later moment than the rows do.
                if state["rdb_last_bgsave_status"] != "ok":
                    raise BackupError("the bus cannot save; see its log, bus.log")
                if int(self._state()["rdb_saves"]) != self._saves:
                    raise BackupError("the bus saved again meanwhile; try again")
                _lay_out(saved, target)
        except (RedisError, OSError) as error:
            raise BackupError(f"the bus cannot be saved: {error}") from error
        check_bus(target)

    def _state(self) -> dict[str, int | str]:
        state: dict[str, int | str] = self._client.info("persistence")
        return state


def _lay_out(saved: BinaryIO, target: Path) -> None:
    """Write the files of an append-only log that begins with what was saved."""
    log = target / AOF_FOLDER
    log.mkdir(parents=True)
    with (log / BASE).open("wb") as base:
        shutil.copyfileobj(saved, base)
    (log / MANIFEST).write_text(MANIFEST_TEXT)


def check_bus(folder: Path) -> None:
    """Raise `BackupError` unless the copy in `folder` is sound, and data alone.

    A server runs the commands of its log as it starts, beyond what any client may: there are none.
    """
    base, manifest = (folder / AOF_FOLDER / name for name in (BASE, MANIFEST))
    if not manifest.is_file() or manifest.read_bytes() != MANIFEST_TEXT.encode():
        raise BackupError(f"{manifest} is damaged: it is not what a backup has there")
    done = subprocess.run(  # noqa: S603 - our own program
        [CHECKER, base],
        executable=valkey_binary(),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout.strip() or done.stderr.strip()).splitlines()
        raise BackupError(f"{base} is damaged: {said[-1] if said else 'it cannot be read'}")
    # What else it prints may be of names in the file, but not what it says last.
    ends = SOUND.findall(done.stdout)
    if not ends or int(ends[-1]) != base.stat().st_size:
        raise BackupError(f"{base} is damaged: something follows what was saved")


@contextmanager
def running_bus(url: str, folder: Path) -> Iterator[BusMoment]:
    """Take the copy from the bus that serves; its files are in `folder`."""
    with open_blocking(url, timeout_s=TIMEOUT_S) as client:
        yield BusMoment(client, folder)


@contextmanager
def resting_bus(folder: Path) -> Iterator[BusMoment]:
    """Take the copy from the files in `folder`, of a bus that does not run."""
    with tempfile.TemporaryDirectory() as scratch:
        socket = Path(scratch) / "socket"
        log = Path(scratch) / "log"
        argv: list[str | Path] = [
            valkey_binary(),
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--dir",
            folder,
        ]
        argv += ["--appendonly", "yes", "--save", "", "--logfile", log]
        process = subprocess.Popen(  # noqa: S603 - as above
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with Redis(unix_socket_path=str(socket), socket_timeout=TIMEOUT_S) as client:
                _wait(client, process, log)
                yield BusMoment(client, folder)
        finally:
            process.terminate()
            process.wait()


def _wait(client: Redis, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until it has read its log."""
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            if not client.info("persistence")["loading"]:
                return
        except RedisError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text().strip().splitlines() if log.exists() else []
            raise BackupError(f"the bus cannot be read: {said[-1] if said else 'no answer'}")
        time.sleep(POLL_S)
