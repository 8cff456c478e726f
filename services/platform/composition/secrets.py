"""The secrets of a process, followed where they are files."""

from services.platform.audit.port import SECRET_IN_USE, Audit
from services.platform.config.secret_keys import Secret, SecretKeys
from services.platform.config.settings import SettingsError

__all__ = ["keys_of"]


def keys_of(secret: Secret, audit: Audit | None) -> SecretKeys | None:
    """Return the keys of the moment; None where there is no such secret.

    Each change is recorded in `audit`. Raises SettingsError if its file is of no use now.
    """

    def record() -> None:
        if audit is not None:
            audit.record(SECRET_IN_USE, name=secret.variable)

    try:
        return secret.keys(record)
    except (OSError, ValueError) as error:
        variable, path = f"{secret.variable}_FILE", str(secret.path)
        raise SettingsError(variable, got=path, wanted=f"a file of keys; {error}") from error
