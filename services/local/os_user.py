"""The operating system's user who runs a command, for the audit log."""

import getpass
import os

__all__ = ["os_user"]


def os_user() -> str:
    """Return the login of whoever runs this process, or the number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
