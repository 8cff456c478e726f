"""Where the stores of a data folder are, as the operator's file says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.local.operator_file import FILE, Operator, OperatorError
from services.platform.files.inner_path import OutsideError, inner_path
from services.platform.valkey.connection import password_file_of

__all__ = ["stores_of"]

STORES: Final = frozenset(
    {
        "AVIARY_AUDIT",
        "AVIARY_BIGTABLE_INSTANCE",
        "AVIARY_BUS",
        "AVIARY_BUS_VALKEY_URL",
        "AVIARY_CACHE_VALKEY_URL",
        "AVIARY_GCP_PROJECT",
        # Named by an Aviary of before, which may still run.
        "AVIARY_NONCE_VALKEY_URL",
        "AVIARY_STORAGE",
        "BIGTABLE_EMULATOR_HOST",
        "PUBSUB_EMULATOR_HOST",
    }
)
"""The variables that the file may set: the file may be of a backup of somebody else's making."""


def stores_of(data_dir: Path, operator: Operator) -> Mapping[str, str]:
    """Return the variables that lead to the stores of `data_dir`, for commands that open them.

    Raises `OperatorError` for any other variable, and where a password is to be read from a file
    outside the folder: it would be sent to whatever answers at the address beside it.
    """
    path = data_dir / FILE
    if strange := sorted(operator.environment.keys() - STORES):
        raise OperatorError(f"{path}: {strange[0]} leads to no store")
    folder = data_dir.resolve()
    for name, value in operator.environment.items():
        file = password_file_of(value)
        if file is None:
            continue
        try:
            inner_path(folder, str(Path(file).relative_to(folder)))
        except (OutsideError, ValueError) as error:
            raise OperatorError(
                f"{path}: {name} has its password in a file that is not in {folder}; was the "
                "folder moved? Start Aviary there once"
            ) from error
    return operator.environment
