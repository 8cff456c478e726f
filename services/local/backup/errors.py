"""Why there is no backup, or no restore."""

__all__ = ["BackupError", "BusyError"]


class BackupError(Exception):
    """A backup cannot be made or used; the text is for the person who typed the command."""


class BusyError(Exception):
    """Not at this moment; try again soon."""
