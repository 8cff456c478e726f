"""Writers and a backup of their rows: neither holds the other up for long."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.local.backup.errors import BackupError
from services.local.backup.rows import one_moment
from tests.contract.backup_world import WITHIN_S


def test_writers_that_leave_no_gap_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "busy.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        started = threading.Event()
        monkeypatch.setattr("services.local.backup.rows.ATTEMPTS", 2)
        monkeypatch.setattr("services.local.backup.rows.PAUSE_S", 0.01)
        with pytest.raises(BackupError, match="too busy"):
            one_moment([path], started.set).__enter__()
        assert not started.is_set()


FREEZES = """
import contextlib, os, pathlib, signal, sys
from services.local.backup import rows
from services.local.backup.errors import BackupError

how, file = sys.argv[1], pathlib.Path(sys.argv[2])
rows.ATTEMPTS = 1

def at_that_moment():
    print("held", flush=True)
    os.kill(os.getpid() if how != "group" else 0, getattr(signal, sys.argv[3]))

try:
    with rows.one_moment([file], at_that_moment):
        print("whole")
except BackupError as error:
    print(error)
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    return path


@pytest.mark.parametrize(
    ("who", "number"),
    [("itself", "SIGSTOP"), ("group", "SIGSTOP"), ("itself", "SIGKILL"), ("group", "SIGKILL")],
)
def test_writers_are_not_held_up_by_a_backup_that_hangs(
    written: Path, who: str, number: str
) -> None:
    """Stopped, as by Ctrl-Z with all that it has started, or killed."""
    backup = subprocess.Popen(
        [sys.executable, "-c", FREEZES, who, str(written), number],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert backup.stdout is not None
    try:
        assert backup.stdout.readline() == "held\n"
        # A writer of Aviary's, but for its patience: a machine may be busy.
        with contextlib.closing(sqlite3.connect(written, timeout=WITHIN_S)) as file:
            file.execute("INSERT INTO numbers VALUES (1)")
            file.commit()
        os.killpg(backup.pid, signal.SIGCONT)
        said = backup.stdout.read()
        # What it saw was of no one moment: others have written meanwhile.
        assert ("too busy" in said) == (number == "SIGSTOP"), said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(backup.pid, signal.SIGKILL)
        backup.communicate()
