"""Running the plain choice (`plain_app`), on PostgreSQL where that is installed, else on SQLite."""

import asyncio
import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.costs import cpu_seconds_below
from bench.errors import BenchError
from bench.reference.limit import ended, listening, wait_until
from bench.reference.plain_database import Row, fill_postgres, fill_sqlite
from bench.world import World
from services.local.readiness import HOST, free_ports
from services.platform.ids.snowflake_time import time_ms

__all__ = ["Plain", "postgres_folder", "running", "served", "temporary_postgres"]

DEBIANS = Path("/usr/lib/postgresql")
VERSION = re.compile(r"\d+(\.\d+)*")
SERVER_USER = "postgres"
"""Whom a server runs as that root starts: it refuses to run as root."""
MS_PER_S = 1_000
# Of its memory; the defaults are for the smallest of machines.
SHARED_BUFFERS = "256MB"


@dataclass(frozen=True, slots=True)
class Plain:
    """The running plain choice."""

    port: int
    engine: str
    """`PostgreSQL` or `SQLite`."""
    _processes: Mapping[str, int]

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return {name: cpu_seconds_below(process) for name, process in self._processes.items()}


def postgres_folder() -> Path | None:
    """Find the programs of an installed PostgreSQL server; None where none can run."""
    if os.geteuid() == 0 and SERVER_USER not in {one.pw_name for one in pwd.getpwall()}:
        return None
    found = shutil.which("initdb")
    numbered = [path for path in DEBIANS.glob("*/bin") if VERSION.fullmatch(path.parent.name)]
    debians = sorted(numbered, key=lambda path: [*map(int, path.parent.name.split("."))])
    folders = [*([Path(found).resolve().parent] if found else []), *reversed(debians)]
    return next((one for one in folders if (one / "postgres").exists()), None)


@contextlib.contextmanager
def running(folder: Path, world: World) -> Iterator[Plain]:
    """Run it on the same people, follows and tweets that the world has."""
    folder.mkdir(parents=True, exist_ok=True)
    tweets = [(t, author, text, _at(t)) for t, author, text in world.tweets]
    follows = [(one, other) for one, each in world.following.items() for other in each]
    programs = postgres_folder()
    with contextlib.ExitStack() as stack:
        if programs is None:
            path = folder / "plain.db"
            fill_sqlite(path, tweets, follows)
            yield stack.enter_context(served(folder, str(path), "SQLite", {}))
            return
        url, server = stack.enter_context(temporary_postgres(programs, folder, tweets, follows))
        yield stack.enter_context(served(folder, url, "PostgreSQL", {"postgres": server}))


def _at(tweet_id: int) -> datetime:
    return datetime.fromtimestamp(time_ms(tweet_id) / MS_PER_S, UTC)


@contextlib.contextmanager
def served(folder: Path, database: str, engine: str, others: Mapping[str, int]) -> Iterator[Plain]:
    """Run the service, a process a core, on a database; `others` are the database's."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "bench.reference.plain_app:app"]
    command += ["--host", HOST, "--port", str(port), "--workers", str(os.cpu_count() or 1)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    log = folder / "plain.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env={**os.environ, "PLAIN_DATABASE": database},
        )
    try:
        listening(process, port, log)
        yield Plain(port, engine, {"uvicorn": process.pid, **others})
    finally:
        ended(process)


@contextlib.contextmanager
def temporary_postgres(
    programs: Path, folder: Path, tweets: Sequence[Row], follows: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, int]]:
    """Run a server of our own that listens on a socket in its folder alone; give URL and process.

    Its settings are the defaults, durable, with more memory.
    """
    user = SERVER_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    log = folder / "postgres.log"
    with tempfile.TemporaryDirectory(prefix="aviary-pg-") as name, log.open("ab") as output:
        data = Path(name) / "data"
        if os.geteuid() == 0:
            shutil.chown(name, user)
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8"],
            user=user,
            check=False,
            stdout=output,
            stderr=output,
        )
        if made.returncode:
            raise BenchError(f"PostgreSQL makes no database: {log.read_text()[-2000:]}")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": name,
            "shared_buffers": SHARED_BUFFERS,
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], user=user, stdout=output, stderr=output
        )
        try:
            url = f"postgresql://{user}@/postgres?host={name}"
            asks = [str(programs / "pg_isready"), "-q", "-h", name]
            wait_until(lambda: not subprocess.run(asks, check=False).returncode, server, log)
            asyncio.run(fill_postgres(url, tweets, follows))
            yield url, server.pid
        finally:
            ended(server)
