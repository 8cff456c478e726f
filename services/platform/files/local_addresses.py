"""Where the services of a data folder answer: told by `up`, which gives them free ports, to others.

A file in the folder, there while `up` runs; it holds addresses and nothing secret.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["FILE_NAME", "found", "told"]

FILE_NAME = "addresses.json"


@contextlib.contextmanager
def told(data_dir: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Tell each service's `host:port` until the end."""
    path = data_dir / FILE_NAME
    # Put in place whole: who looks meanwhile must not find half a file.
    half = path.with_suffix(".tmp")
    half.write_text(json.dumps(dict(addresses), indent=2) + "\n")
    half.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def found(data_dir: Path) -> dict[str, str] | None:
    """Return each service's `host:port`, None when nothing runs there.

    After an `up` that was killed, they are those of its last run. Raises ValueError for a file that
    `told` has not written.
    """
    try:
        addresses = json.loads((data_dir / FILE_NAME).read_text())
    except FileNotFoundError:
        return None
    if not isinstance(addresses, dict):
        raise ValueError(f"{data_dir / FILE_NAME} holds no addresses")  # noqa: TRY004 - of the file
    return {str(name): str(address) for name, address in addresses.items()}
