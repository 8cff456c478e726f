"""The file of flags: `name: value` in JSON or YAML, taken whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from services.platform.files.single_keys import RepeatedNameError
from services.platform.files.single_yaml_keys import yaml_load
from services.platform.flags.declared import declared_flags

__all__ = ["FlagsError", "Value", "read", "unknown"]

Value = bool | int

MAX_BYTES = 64 * 1024
"""Far more than all flags take; what is larger is some other file."""


class FlagsError(ValueError):
    """The file cannot be used; the text says why."""


def read(path: Path) -> Mapping[str, Value]:
    """Read and check the file. Names that are not declared are kept: see `unknown`.

    Raises `FlagsError` when it is missing, no mapping, has a name twice, or has a value that its
    flag cannot have.
    """
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FlagsError(f"cannot be read: {error.strerror}") from error
    if len(body) > MAX_BYTES:
        raise FlagsError(f"has more than {MAX_BYTES} bytes")
    try:
        # JSON is YAML too.
        flags = yaml_load(body)
    except RepeatedNameError as error:
        raise FlagsError(str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FlagsError(f"is neither JSON nor YAML: {error}") from error
    if flags is None:
        return {}
    if not isinstance(flags, dict) or not all(isinstance(name, str) for name in flags):
        raise FlagsError("is no mapping of names to values")
    for name, value in flags.items():
        flag = declared_flags().get(name)
        if flag is not None and not flag.allows(value):
            raise FlagsError(f"{name}: got {value!r}, wanted {flag.wants}")
    return flags


def unknown(flags: Mapping[str, Value]) -> list[str]:
    """Return the names that no flag has.

    No error: while versions change, a file may name flags of the one to come. But it may be a slip.
    """
    return sorted(flags.keys() - declared_flags().keys())
