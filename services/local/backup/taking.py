"""Taking a backup."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from services.local.backup.audit import copy_audit
from services.local.backup.bus import BusMoment, resting_bus, running_bus
from services.local.backup.contents import (
    AUDIT,
    BUS,
    DATA,
    FILES,
    FOLDERS,
    Contents,
    made_whole,
    row_files,
)
from services.local.backup.errors import BackupError
from services.local.backup.folders import copy_folder, size_of
from services.local.backup.rows import check_rows, copy_rows, one_moment
from services.local.errors import StartError
from services.local.lock import locked
from services.local.operator_file import Operator, OperatorError, read_operator
from services.local.operator_stores import stores_of

__all__ = ["back_up"]

BUS_URL = "AVIARY_BUS_VALKEY_URL"


def back_up(data_dir: Path, backup: Path) -> Contents:
    """Copy what `data_dir` holds, as of one moment, into the new folder `backup`.

    Aviary may be running there or not. Raises `BackupError`, and then leaves no `backup` behind.
    """
    operator = _operator(data_dir)
    if backup.exists():
        raise BackupError(f"{backup} exists already; name a new folder")
    with made_whole(backup, "backup") as unfinished:
        (unfinished / DATA).mkdir()
        with _bus(data_dir, operator) as bus:
            made_at = _copy(data_dir, bus, unfinished / DATA)
        contents = Contents.of(unfinished, made_at)
        contents.write(unfinished)
    return contents


def _operator(data_dir: Path) -> Operator:
    """Read where the bus of `data_dir` is while it runs; the file also shows that it ever did."""
    try:
        operator = read_operator(data_dir)
    except OperatorError as error:
        raise BackupError(str(error)) from error
    if BUS_URL not in operator.environment:
        raise BackupError(
            f"{data_dir} was last used with emulators, which keep nothing; only what runs on "
            "SQLite and Valkey can be backed up"
        )
    return operator


@contextmanager
def _bus(data_dir: Path, operator: Operator) -> Iterator[BusMoment]:
    """Reach the bus; one that does not run is kept from being started meanwhile."""
    with ExitStack() as stack:
        bus: AbstractContextManager[BusMoment]
        try:
            stack.enter_context(locked(data_dir))
            bus = resting_bus(data_dir / BUS)
        except StartError:
            bus = running_bus(_url(data_dir, operator), data_dir / BUS)
        yield stack.enter_context(bus)


def _url(data_dir: Path, operator: Operator) -> str:
    try:
        return stores_of(data_dir, operator)[BUS_URL]
    except OperatorError as error:
        raise BackupError(str(error)) from error


def _copy(data_dir: Path, bus: BusMoment, target: Path) -> str:
    """Copy everything; gives the moment that the copy shows."""
    with one_moment(row_files(data_dir), bus.begin) as rows:
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        total = sum(path.stat().st_size for path in rows)
        total += sum(size_of(data_dir / name) for name in FOLDERS)
        _require_room(total, target)
        bus.finish(target / BUS)
        # Shown on a terminal only, which is what None asks for.
        with tqdm(total=total, desc="rows", unit="B", unit_scale=True, disable=None) as bar:
            for path, connection in rows.items():
                copy_rows(connection, target / path.name, bar.update)
            # Right behind the rows that name them: as little as can be is deleted
            # in between.
            for name in FOLDERS:
                copy_folder(data_dir / name, target / name, bar.update)
    for path in row_files(target):
        check_rows(path)
    copy_audit(data_dir / AUDIT, target / AUDIT)
    for name in FILES:
        if (data_dir / name).exists():
            shutil.copyfile(data_dir / name, target / name)
    return made_at


def _require_room(size: int, target: Path) -> None:
    free = shutil.disk_usage(target).free
    if free < size:
        raise BackupError(
            f"rows and files take {size:,} bytes, and there are {free:,} free at {target}"
        )
