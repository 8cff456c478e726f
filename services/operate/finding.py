"""Which address to call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services import local_addresses
from services.operate.errors import OperateError
from services.settings import DEFAULT_DATA_DIR, Settings, SettingsError

__all__ = ["Found", "find"]


@dataclass(frozen=True, slots=True)
class Found:
    """A service's `host:port`, and who says so."""

    service: str
    address: str
    source: str


def find(service: str, data_dir: Path | None, environment: Mapping[str, str]) -> Found:
    """Find a service: as `up` tells in the data folder, else as the environment or defaults say.

    A folder that was asked for must have the answer. Raises `OperateError`.
    """
    folder = data_dir or Path(DEFAULT_DATA_DIR)
    source = str(folder / local_addresses.FILE_NAME)
    try:
        told = local_addresses.found(folder)
    except (OSError, ValueError) as error:
        raise OperateError(f"{source} cannot be read: {error}") from error
    if told is None and data_dir is not None:
        raise OperateError(
            f"there is no {source}: Aviary does not run in that folder; start it with "
            f"`python -m services up --data-dir {folder}`"
        )
    if told is not None and service not in told:
        raise OperateError(f"{source} does not name {service}; restart Aviary, it is an older one")
    if told is not None:
        return Found(service, told[service], source)
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        raise OperateError(str(error)) from error
    variable = f"AVIARY_{service.upper()}_ADDRESS"
    set_there = "" if environment.get(variable) else " (not set, so its default)"
    return Found(service, settings.addresses[service], f"{variable}{set_there}")
