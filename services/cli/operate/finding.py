"""Which address to call, and what to show and sign with there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.operate.errors import OperateError
from services.platform.config.defaults import DEFAULT_DATA_DIR
from services.platform.config.settings import Settings, SettingsError
from services.platform.config.signing_keys import Keys, keys_from
from services.platform.files import local_addresses
from services.platform.rpc.operator import operator_files, operator_signing_keys
from services.platform.specs import all_specs

__all__ = ["Found", "find"]


# What whoever started `up` may have given it, and operates it with then.
_SECURITY = ("AVIARY_TLS", "AVIARY_SIGNING_KEYS", "AVIARY_SIGNING_KEYS_FILE")


@dataclass(frozen=True, slots=True)
class Found:
    """A service's `host:port`, and where that is written."""

    service: str
    address: str
    source: str
    certificates: Path | None = None
    """Folder of the operator's certificate; None is plaintext."""
    keys: Keys | None = field(default=None, repr=False)
    """To sign requests with; None is without."""


def find(service: str, data_dir: Path | None, environment: Mapping[str, str]) -> Found:
    """Find a service: as `up` writes in the data folder, else as the environment or defaults say.

    A folder that was asked for must have the answer. Raises `OperateError`.
    """
    folder = data_dir or Path(environment.get("AVIARY_DATA_DIR") or DEFAULT_DATA_DIR)
    source = str(folder / local_addresses.FILE_NAME)
    try:
        written = local_addresses.found(folder)
    except (OSError, ValueError) as error:
        raise OperateError(f"{source} cannot be read: {error}") from error
    if written is None and data_dir is not None:
        raise OperateError(
            f"there is no {source}: Aviary does not run in that folder; start it with "
            f"`aviary up --data-dir {folder}`"
        )
    if written is not None and service not in written:
        raise OperateError(f"{source} does not name {service}; restart Aviary, it is an older one")
    if written is not None:
        own = {name: environment[name] for name in _SECURITY if name in environment}
        settings = _settings(own)
        certificates = operator_files(folder) if settings.tls else None
        keys = _keys(settings, operator_signing_keys(folder))
        return Found(service, written[service], source, certificates, keys)
    settings = _settings(environment)
    variable = all_specs()[service].address_variable
    set_there = "" if environment.get(variable) else " (not set, so its default)"
    source = f"{variable}{set_there}"
    address, certificates = settings.addresses[service], settings.tls_dir
    return Found(service, address, source, certificates, _keys(settings))


def _settings(environment: Mapping[str, str]) -> Settings:
    try:
        return Settings.from_environment(environment)
    except SettingsError as error:
        raise OperateError(str(error)) from error


def _keys(settings: Settings, own: Path | None = None) -> Keys | None:
    """Open the keys that the settings name, else those of the run."""
    given = settings.signing_keys or settings.signing_keys_file
    try:
        return keys_from(settings.signing_keys, settings.signing_keys_file if given else own)
    except (OSError, ValueError) as error:
        raise OperateError(f"AVIARY_SIGNING_KEYS_FILE: {error}") from error
