"""Where the services to be checked answer."""

import json
from collections.abc import Mapping
from pathlib import Path

from services.settings import Settings

__all__ = ["addresses_of"]

FILE_NAME = "addresses.json"


def addresses_of(data_dir: Path | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return each service's `host:port`: as told in `data_dir`, else as the environment has it.

    Raises `ValueError` for a file, or a variable (`SettingsError`), that holds no addresses.
    """
    path = None if data_dir is None else data_dir / FILE_NAME
    if path is None or not path.exists():
        return Settings.from_environment(environment).addresses
    found = json.loads(path.read_text())
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no addresses")  # noqa: TRY004 - the fault of the file
    return {str(name): str(address) for name, address in found.items()}
