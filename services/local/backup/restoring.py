"""Making a data folder out of a backup."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from services.local.backup.bus import check_bus
from services.local.backup.contents import (
    BUS,
    DATA,
    Contents,
    is_kept,
    made_whole,
    row_files,
)
from services.local.backup.errors import BackupError
from services.local.backup.rows import check_rows
from services.platform.files.inner_path import OutsideError, inner_path

__all__ = ["restore"]


def restore(backup: Path, data_dir: Path) -> Contents:
    """Copy what `backup` holds into the new folder `data_dir`, checked file by file.

    Raises `BackupError`, and then leaves no `data_dir` behind. What is there is never replaced,
    and nothing outside `backup` is read, nor outside `data_dir` written, whatever its list names.
    """
    contents = Contents.read(backup)
    sources = _sources(contents, backup)
    if data_dir.exists() and any(data_dir.iterdir()):
        raise BackupError(
            f"{data_dir} exists and is not empty; if it is lost, stop Aviary and move it aside: "
            f"mv {data_dir} {data_dir}.lost"
        )
    with made_whole(data_dir, "restore") as unfinished:
        _copy(contents, sources, unfinished)
        for path in row_files(unfinished):
            check_rows(path)
        check_bus(unfinished / BUS)
    return contents


def _sources(contents: Contents, backup: Path) -> Mapping[str, Path]:
    """Find the files of the list, all within `backup`. Raises `BackupError`."""
    try:
        sources = {name: inner_path(backup, f"{DATA}/{name}") for name in contents.files}
    except OutsideError as error:
        raise BackupError(f"the backup's list is not to be trusted: {error}") from error
    if strange := sorted(name for name in sources if not is_kept(name)):
        raise BackupError(f"the backup's list is not to be trusted: no backup keeps {strange[0]!r}")
    return sources


def _copy(contents: Contents, sources: Mapping[str, Path], target: Path) -> None:
    total = sum(entry.size for entry in contents.files.values())
    # Shown on a terminal only, which is what None asks for.
    with tqdm(total=total, desc="restored", unit="B", unit_scale=True, disable=None) as bar:
        for name, source in sources.items():
            path = inner_path(target, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, path, follow_symlinks=False)
            except FileNotFoundError as error:
                raise BackupError(f"{source} is missing; take another backup") from error
            # The copy, not what was copied: it is the copy that will be used.
            contents.verify(name, path)
            bar.update(contents.files[name].size)
