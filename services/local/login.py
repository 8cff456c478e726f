"""Who runs a command."""

import getpass
import os

__all__ = ["login"]


def login() -> str:
    """Return the login of whoever runs this process, or the number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
