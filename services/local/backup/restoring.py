"""Making a data folder out of a backup."""

import shutil
from pathlib import Path

from tqdm import tqdm

from services.local.backup.bus import check_bus
from services.local.backup.contents import BUS, DATA, Contents, made_whole, make_private, row_files
from services.local.backup.errors import BackupError
from services.local.backup.rows import check_rows

__all__ = ["restore"]


def restore(backup: Path, data_dir: Path) -> Contents:
    """Copy what `backup` holds into the new folder `data_dir`, checked file by file.

    Raises `BackupError`, and then leaves no `data_dir` behind. What is there is never replaced.
    """
    contents = Contents.read(backup)
    if data_dir.exists() and any(data_dir.iterdir()):
        raise BackupError(
            f"{data_dir} exists and is not empty; if it is lost, stop Aviary and move it aside: "
            f"mv {data_dir} {data_dir}.lost"
        )
    with made_whole(data_dir, "restore") as unfinished:
        make_private(unfinished)
        _copy(contents, backup / DATA, unfinished)
        for path in row_files(unfinished):
            check_rows(path)
        check_bus(unfinished / BUS)
    return contents


def _copy(contents: Contents, data: Path, target: Path) -> None:
    total = sum(entry.size for entry in contents.files.values())
    # Shown on a terminal only, which is what None asks for.
    with tqdm(total=total, desc="restored", unit="B", unit_scale=True, disable=None) as bar:
        for name, entry in contents.files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(data / name, path)
            except FileNotFoundError as error:
                raise BackupError(f"{data / name} is missing; take another backup") from error
            # The copy, not what was copied: it is the copy that will be used.
            contents.verify(name, path)
            bar.update(entry.size)
