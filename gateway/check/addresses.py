"""Where the services to be checked answer, and what to show there."""

from collections.abc import Mapping
from pathlib import Path

from services.platform.config.settings import Settings
from services.platform.files import local_addresses
from services.platform.rpc.operator import operator_files

__all__ = ["addresses_of", "certificates_of"]


def addresses_of(data_dir: Path | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return each service's `host:port`: as `data_dir` has it, or else the environment.

    A folder that was asked for must have the answer. Raises `ValueError` when it has none, and for
    a file, or a variable (`SettingsError`), that holds no addresses.
    """
    if data_dir is None:
        return Settings.from_environment(environment).addresses
    written = local_addresses.found(data_dir)
    if written is None:
        raise ValueError(
            f"there is no {data_dir / local_addresses.FILE_NAME}: Aviary does not run in that "
            f"folder; start it with `aviary up --data-dir {data_dir}`"
        )
    return written


def certificates_of(data_dir: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder of the operator's certificate, by the same rule; None is plaintext."""
    if data_dir is None:
        return Settings.from_environment(environment).tls_dir
    return operator_files(data_dir)
