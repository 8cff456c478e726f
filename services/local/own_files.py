"""The data folder, closed to others; and what is in it, or beside it, for one run."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.local.errors import StartError
from services.local.scale import MAX_REPLICAS, Replica
from services.platform.files.owner_only import FOLDER, make_folder, require_own_way, tighten
from services.platform.files.whole_file import write_whole
from services.platform.rpc.operator import SIGNING_KEYS_FILE
from services.platform.specs import all_specs

__all__ = [
    "CHALLENGE_KEY_FILE",
    "CURSOR_KEY_FILE",
    "OPERATOR_SECRET_FILE",
    "opened",
    "secrets_in_files",
    "signed",
    "socket_folder",
]

SIGNING_KEYS = "AVIARY_SIGNING_KEYS"
SECRETS = (
    *sorted({variable for spec in all_specs().values() for variable in spec.secrets}),
    SIGNING_KEYS,
)
"""Variables with a `_FILE` twin: what services declare, and what all of them sign requests with."""
CHALLENGE_KEY_FILE = "challenge.key"
"""Kept, so that a gateway knows again what it has signed."""
CURSOR_KEY_FILE = "cursor.key"
"""Kept, so that cursors outlive a restart."""
OPERATOR_SECRET_FILE = "operator.secret"  # noqa: S105 - a file's name
"""Made anew at each start, of what the operator's own file has."""
SIGNING_KEY_BYTES = 32
"""As long as the hash; a shorter one is refused."""
MAX_SOCKET_PATH_BYTES = 107
"""`sun_path` of Linux, without the zero at its end."""
LONGEST_SOCKET_NAME = max(
    len("/edge.admin.keys"),
    *(len(f"/{Replica(name, MAX_REPLICAS).name}.admin") for name in all_specs()),
)
"""Bytes. The edge's is where it finds the keys that the gateway keeps."""

PLAIN_PATH = re.compile(rb"[\w./-]+")
"""Means the same in a `unix:` address, which is a URI, as elsewhere."""


def opened(data_dir: Path) -> Path:
    """Make the folder, or take one of before from everybody else; give its absolute path.

    Raises `StartError` for a folder that is not this user's own, or that somebody else can replace.
    """
    try:
        data_dir.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        require_own_way(data_dir)
        used_before = (data_dir / "lock").exists()
        make_folder(data_dir)
        # What lies in a folder that was never Aviary's is none of its business.
        if used_before:
            tighten(data_dir)
        (data_dir / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise StartError(f"--data-dir: {error}") from error
    return data_dir.resolve()


@contextmanager
def socket_folder(data_dir: Path) -> Iterator[Path]:
    """Give a folder for Unix sockets, until the end.

    It is in the data folder. Where a path there is too long for a socket, or would mean something
    else in its address, it is a new temporary one.
    """
    folder = data_dir / "sockets"
    make_folder(folder)
    path = os.fsencode(folder)
    if len(path) + LONGEST_SOCKET_NAME <= MAX_SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(path):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="aviary-") as short:
        yield Path(short)


@contextmanager
def secrets_in_files(data_dir: Path) -> Iterator[None]:
    """Move secrets out of the environment that children get, into files that they read instead.

    Children of children, and crash dumps, have the environment too. The files end with the run, as
    the environment does.
    """
    folder = data_dir / "secrets"
    make_folder(folder)
    try:
        for name in SECRETS:
            value = os.environ.get(name)
            # With both, or neither, a service says what is wrong.
            if value and not os.environ.get(f"{name}_FILE"):
                path = folder / name.lower()
                write_whole(path, value.encode())
                os.environ[f"{name}_FILE"] = str(path)
                del os.environ[name]
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def signed(data_dir: Path, *, sidecars: bool) -> Iterator[None]:
    """Have requests signed that cross a proxy, by a key of this run, unless somebody gave keys.

    The key is in a file of the owner's, which children and operators' commands read, and ends with
    the run.
    """
    variable = f"{SIGNING_KEYS}_FILE"
    if not sidecars or any(os.environ.get(name) for name in (SIGNING_KEYS, variable)):
        yield
        return
    path = data_dir / SIGNING_KEYS_FILE
    write_whole(path, f"run:{secrets.token_hex(SIGNING_KEY_BYTES)}\n".encode())
    os.environ[variable] = str(path)
    try:
        yield
    finally:
        del os.environ[variable]
        path.unlink(missing_ok=True)
