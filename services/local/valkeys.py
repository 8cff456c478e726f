"""The Valkeys on one machine: each takes who shows its password, which a file of the owner's holds.

Anybody with a login can connect to a port on loopback, and a message on the bus is believed.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from services.local.child import Child
from services.local.readiness import HOST
from services.local.signs import ValkeyWorks
from services.local.valkey_binary import valkey_binary
from services.platform.files.owner_only import make_folder
from services.platform.files.whole_file import write_whole

__all__ = [
    "BUS_OPTIONS",
    "CACHE_MEMORY",
    "CACHE_OPTIONS",
    "NONCE_OPTIONS",
    "url",
    "valkey",
]

CACHE_MEMORY = "256mb"
# An acknowledged event is on disk; the cache can be lost at any time. Besides, the bus saves only
# when a backup asks: after a save that found no room it would refuse writes until the next one.
BUS_OPTIONS = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
# A push moves what is in the first node of a list: 256 ids, where by default it is all 8 kB.
# Measured: 0.6 µs instead of 2.3, for 10.3 bytes an entry instead of 10.0.
CACHE_OPTIONS = (
    *("--save", "", "--maxmemory", CACHE_MEMORY, "--maxmemory-policy", "allkeys-lru"),
    *("--list-max-listpack-size", "256"),
)
# A forgotten nonce is a request that can be sent again, so they are never evicted: signed calls are
# refused when there is no room, at some 3,000 a second. Written before they are answered, and so
# there again after a crash; only a machine that loses power forgets a second of them.
NONCE_MEMORY = "96mb"
NONCE_OPTIONS = (
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    *("--maxmemory", NONCE_MEMORY, "--maxmemory-policy", "noeviction"),
)
# A bus whose disk is full ends rather than acknowledge what it could not keep. It starts in
# milliseconds, and everything waits for it.
VALKEY_BACKOFF_S = 1.0
FOLDER = "valkey"
"""Within a data folder: passwords, and the configuration that holds a server's own."""
PASSWORD_BYTES = 32
"""Random: beyond guessing, at any number of tries a second."""


def valkey(name: str, port: int, data_dir: Path, options: Sequence[str]) -> Child:
    """Plan a server; `url` says how to reach it."""
    folder = data_dir / name
    folder.mkdir(exist_ok=True)
    argv = [str(valkey_binary()), str(_config(name, data_dir)), "--bind", HOST]
    argv += ["--port", str(port), "--dir", str(folder), *options]
    log = data_dir / "logs" / f"{name}.log"
    sign = ValkeyWorks(port)
    return Child(name, port, argv, log, backoff_last_s=VALKEY_BACKOFF_S, sign=sign)


def url(name: str, port: int, data_dir: Path) -> str:
    """Say where the server is, and which file has its password."""
    query = urlencode({"password_file": str(_password(name, data_dir))}, safe="/")
    return f"redis://{HOST}:{port}/0?{query}"


def _config(name: str, data_dir: Path) -> Path:
    """Write what must not be among a command's arguments, which everybody can list."""
    path = data_dir / FOLDER / f"{name}.conf"
    password = _password(name, data_dir).read_text().strip()
    # The rest is how Valkey is anyway: said, so that no other default undoes the password's worth.
    closed = ("debug-command", "module-command", "protected-configs")
    lines = [f"requirepass {password}", "protected-mode yes"]
    lines += [f"enable-{each} no" for each in closed]
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
    return path


def _password(name: str, data_dir: Path) -> Path:
    """Make a password once; kept, for commands and whoever still knows it from before a restart."""
    make_folder(data_dir / FOLDER)
    path = data_dir / FOLDER / f"{name}.password"
    # An empty one is what a start without room on the disk may leave behind.
    if not path.exists() or not path.stat().st_size:
        write_whole(path, secrets.token_hex(PASSWORD_BYTES).encode())
    return path
