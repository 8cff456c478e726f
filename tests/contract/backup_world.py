"""A data folder with stores that are written to, and its backup."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from redis import Redis

from services.local.backup.errors import BackupError
from services.local.backup.restoring import restore
from services.local.backup.taking import back_up
from services.local.lock import locked
from services.local.operator_file import keep_operator
from tests.contract.valkey_servers import valkey_node

STREAM = "bus:{numbers}"
BEFORE = 200  # numbers that have gone their way when the backup begins
WITHIN_S = 60.0


def rows(path: Path) -> set[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {number for (number,) in connection.execute("SELECT n FROM numbers")}


class Relay:
    """Moves numbers as tweets move: to a row, then to a message, then to a row of another file."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.made = 0
        self._bus = Redis(port=port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        for name in ("first", "last"):
            with self._opened(name) as file:
                file.execute("PRAGMA journal_mode = WAL")
                file.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)")

    def _opened(self, name: str) -> "contextlib.closing[sqlite3.Connection]":
        path = self.data_dir / f"{name}.db"
        return contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=WITHIN_S))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def wait_for(self, number: int) -> None:
        """Wait until so many are made."""
        deadline = time.monotonic() + WITHIN_S
        while self.made < number:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _run(self) -> None:
        with self._opened("first") as first, self._opened("last") as last, self._bus as bus:
            while not self._stopping.is_set():
                number = self.made + 1
                first.execute("INSERT INTO numbers VALUES (?)", (number,))
                self.made = number
                entry = bus.xadd(STREAM, {"n": number})
                last.execute("INSERT INTO numbers VALUES (?)", (number,))
                bus.xdel(STREAM, entry)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "bus").mkdir(parents=True)
    (folder / "audit").mkdir()
    (folder / "audit" / "identity.log").write_bytes(b'{"seq": 0}\n{"se')
    (folder / "identity.key").write_text("key")
    keep_operator(folder, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": "redis://127.0.0.1:1/0"})
    return folder


@pytest.fixture
def bus(data_dir: Path) -> Iterator[int]:
    with valkey_node(data_dir / "bus", "--appendonly", "yes") as port:
        url = f"redis://127.0.0.1:{port}/0"
        keep_operator(data_dir, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": url})
        yield port


@pytest.fixture
def backup(data_dir: Path, bus: int, tmp_path: Path) -> Path:
    with Relay(data_dir, bus), locked(data_dir):
        back_up(data_dir, tmp_path / "backup")
    return tmp_path / "backup"


def refused(folder: Path, data_dir: Path) -> str:
    with pytest.raises(BackupError) as error:
        restore(folder, data_dir)
    assert not list(data_dir.parent.glob("*.unfinished"))
    return str(error.value)
