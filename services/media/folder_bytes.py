"""Bytes of pictures in a folder of this machine, which this service's own listener serves."""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from services.media.keys import file_name, files_prefix
from services.media.model import Files, SignedUrl, Upload, UploadTarget
from services.media.urls import UrlSigner
from services.platform.errors import UnavailableError
from services.platform.files.owner_only import make_folder
from services.platform.files.whole_file import write_whole

__all__ = ["FolderBytes"]

UPLOADS: Final = "uploads"
SHOWN: Final = "files"
HIDDEN: Final = "hidden"
_UPLOADED: Final = "upload"
_Result = TypeVar("_Result")


class FolderBytes:
    """A `MediaBytes` in `folder`; every file is whole or absent. All of it runs on threads."""

    def __init__(self, folder: Path, signer: UrlSigner) -> None:
        self._folder = folder
        self._signer = signer
        make_folder(folder)

    async def upload_target(self, upload: Upload) -> UploadTarget:
        """Sign a URL of the listener."""
        headers = {"content-type": upload.content_type} if upload.content_type else {}
        return UploadTarget(self._signer.upload(upload.media_id), headers)

    async def receive(self, media_id: int, data: bytes) -> None:
        """Keep uploaded bytes; durable on return. For the listener alone."""
        await _on_disk(self._write, file_name(UPLOADS, media_id, _UPLOADED), data)

    async def has_upload(self, media_id: int) -> bool:
        """Look for the file."""
        path = self._folder / file_name(UPLOADS, media_id, _UPLOADED)
        return await _on_disk(path.exists)

    async def read_upload(self, media_id: int, most: int) -> bytes | None:
        """Read the file."""
        return await _on_disk(self._read, file_name(UPLOADS, media_id, _UPLOADED), most)

    async def drop_upload(self, media_id: int) -> None:
        """Delete the file."""
        await _on_disk(self._delete, files_prefix(UPLOADS, media_id))

    async def put(self, media_id: int, files: Files) -> None:
        """Write a file for each variant."""
        for variant, data in files:
            await _on_disk(self._write, file_name(SHOWN, media_id, variant.name), data)

    async def read(self, media_id: int, variant: str) -> bytes | None:
        """Read a variant's file."""
        return await _on_disk(self._read, file_name(SHOWN, media_id, variant), -1)

    async def url(self, media_id: int, variant: str) -> SignedUrl:
        """Sign a URL of the listener."""
        return self._signer.variant(media_id, variant)

    async def hide(self, media_id: int, variants: Sequence[str]) -> None:
        """Move the files to where the listener does not look."""
        await _on_disk(self._move, SHOWN, HIDDEN, media_id, variants)

    async def show(self, media_id: int, variants: Sequence[str]) -> None:
        """Move them back."""
        await _on_disk(self._move, HIDDEN, SHOWN, media_id, variants)

    async def delete(self, media_id: int) -> None:
        """Delete all files."""
        for area in (SHOWN, HIDDEN, UPLOADS):
            await _on_disk(self._delete, files_prefix(area, media_id))

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
        _sync(path.parent)

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            return None

    def _delete(self, prefix: str) -> None:
        folder = self._folder / prefix
        # One whose file another process has moved or deleted meanwhile is begun again.
        while folder.exists():
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)

    def _move(self, source: str, target: str, media_id: int, variants: Sequence[str]) -> None:
        folder = self._folder / files_prefix(target, media_id)
        folder.mkdir(parents=True, exist_ok=True)
        for variant in variants:
            with suppress(FileNotFoundError):
                (self._folder / file_name(source, media_id, variant)).replace(folder / variant)
        _sync(folder)


def _sync(folder: Path) -> None:
    """Bring the names in it to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _on_disk(work: Callable[..., _Result], *args: object) -> _Result:
    try:
        return await asyncio.to_thread(work, *args)
    except OSError as error:
        raise UnavailableError(f"the folder of pictures: {error.strerror}") from error
