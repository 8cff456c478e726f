"""Where the services to be checked answer, and what to show there."""

from collections.abc import Mapping
from pathlib import Path

from services import local_addresses
from services.rpc.operator import operator_files
from services.settings import Settings

__all__ = ["addresses_of", "certificates_of"]


def addresses_of(data_dir: Path | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return each service's `host:port`: as told in `data_dir`, else as the environment has it.

    Raises `ValueError` for a file, or a variable (`SettingsError`), that holds no addresses.
    """
    told = None if data_dir is None else local_addresses.found(data_dir)
    return Settings.from_environment(environment).addresses if told is None else told


def certificates_of(data_dir: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder of the operator's certificate, by the same rule; None is plaintext."""
    settings = Settings.from_environment(environment)
    if data_dir is None or local_addresses.found(data_dir) is None:
        return settings.tls_dir
    return operator_files(data_dir)
