"""The addresses of the services that `up` runs, which gives them free ports.

It publishes them in a file of its data folder for as long as it runs; nothing there is secret.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from services.platform.files.documents import json_of, parse_json
from services.platform.files.whole_file import write_whole

__all__ = ["FILE_NAME", "found", "published"]

FILE_NAME = "addresses.json"


@contextlib.contextmanager
def published(data_dir: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Keep the file, until the end, with each service's `host:port`, or several with commas."""
    path = data_dir / FILE_NAME
    write_whole(path, json_of(dict(addresses)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def found(data_dir: Path) -> dict[str, str] | None:
    """Return each service's `host:port`, None when nothing runs there.

    After an `up` that was killed, they are those of its last run. Raises ValueError for a file that
    holds no addresses.
    """
    path = data_dir / FILE_NAME
    try:
        return parse_json(dict[str, str], path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} holds no addresses: {error}") from error
