"""The folder of certificates of a development Aviary, and what is done to it.

`ca.pem` holds the authorities that are trusted, `ca.key` the key of the one that signs, and
`<name>.pem` and `<name>.key` what each process shows. An authority is replaced in three steps, so
that at any moment everybody trusts what anybody shows: its successor is trusted (`ca-next.key`
waits), then signs, then the old one is no longer trusted.

Every file is replaced whole; the authority's key lies there too, which is why this is for
development.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.platform.files.whole_file import write_whole
from services.platform.security.certificates.authority import (
    Authority,
    Pair,
    is_due,
    issue,
    load_pair,
    new_authority,
)
from services.platform.security.identities import IDENTITIES

__all__ = ["FOLDER_NAME", "CertificateFolder", "FolderError"]

FOLDER_NAME = "certificates"
"""Within a data folder."""


LOCK_WITHIN_S: Final = 10.0
"""To make all certificates takes less than a second, on a busy machine some."""
LOCK_POLL_S: Final = 0.05


class FolderError(Exception):
    """The folder is not in a state to do it; the text says what to do."""


class CertificateFolder:
    """Owns a folder, which is made when missing; one process at a time changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def renew(self, now: datetime) -> list[str]:
        """Make what is missing, due, damaged or of another authority; return whose was made."""
        with self._alone():
            return self._renew(now)

    def add_authority(self, now: datetime) -> None:
        """Step 1 of a replacement: trust a new authority too, which does not sign yet."""
        with self._alone():
            if (self._path / "ca-next.key").exists():
                raise FolderError("a new authority is trusted already; switch to it")
            successor = new_authority(now)
            # The key last: it says that this step is done.
            self._write("ca.pem", self._trusted_pem() + successor.certificate)
            self._write("ca-next.key", successor.key)

    def switch_authority(self, now: datetime) -> list[str]:
        """Step 2: have the new authority sign everything; return whose certificates were made."""
        with self._alone():
            if not (self._path / "ca-next.key").exists():
                raise FolderError("there is no new authority; add one first")
            (self._path / "ca-next.key").replace(self._path / "ca.key")
            return self._renew(now)

    def drop_authority(self, now: datetime) -> int:
        """Step 3: trust only the authority that signs; return how many were dropped."""
        with self._alone():
            if (self._path / "ca-next.key").exists():
                raise FolderError("the new authority does not sign yet; switch to it first")
            self._renew(now)
            trusted = self._trusted()
            signer = self._authority(trusted).certificate
            self._write("ca.pem", signer.public_bytes(Encoding.PEM))
            return len(trusted) - 1

    def _renew(self, now: datetime) -> list[str]:
        if not (self._path / "ca.key").exists():
            made = new_authority(now)
            self._write("ca.pem", made.certificate)
            self._write("ca.key", made.key)
        authority = self._authority(self._trusted())
        due = [name for name in IDENTITIES if self._is_due(name, authority, now)]
        for name in due:
            pair = issue(authority, name, now)
            self._write(f"{name}.key", pair.key)
            self._write(f"{name}.pem", pair.certificate)
        return due

    def _is_due(self, name: str, authority: Authority, now: datetime) -> bool:
        try:
            certificate, _ = load_pair(
                Pair(
                    (self._path / f"{name}.pem").read_bytes(),
                    (self._path / f"{name}.key").read_bytes(),
                )
            )
            certificate.verify_directly_issued_by(authority.certificate)
        except Exception:  # noqa: BLE001 - missing, damaged, of another authority: all mean a new one
            return True
        return is_due(certificate, now)

    def _authority(self, trusted: Sequence[x509.Certificate]) -> Authority:
        # Recognised by the key, not by its place in the file: so no two writes have to be one.
        key = (self._path / "ca.key").read_bytes()
        for certificate in trusted:
            with contextlib.suppress(ValueError):
                return Authority(*load_pair(Pair(certificate.public_bytes(Encoding.PEM), key)))
        raise FolderError(
            f"{self._path / 'ca.key'} is the key of no authority in ca.pem: restore it, or remove "
            "the folder and start anew"
        )

    def _trusted(self) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(self._trusted_pem())
        except (OSError, ValueError) as error:
            raise FolderError(f"{self._path / 'ca.pem'} cannot be read: {error}") from error

    def _trusted_pem(self) -> bytes:
        return (self._path / "ca.pem").read_bytes()

    def _write(self, name: str, content: bytes) -> None:
        write_whole(self._path / name, content)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._path / ".lock").open("w") as lock:
            self._take(lock)
            yield

    def _take(self, lock: IO[str]) -> None:
        # Not by waiting in the kernel: that cannot be interrupted by a signal, nor given up.
        deadline = time.monotonic() + LOCK_WITHIN_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise FolderError(
                        f"{self._path} is being changed by another process, which does not end"
                    ) from error
                time.sleep(LOCK_POLL_S)
            else:
                return
