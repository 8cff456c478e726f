"""What keeps the whole from starting."""

__all__ = ["StartError"]


class StartError(Exception):
    """Aviary cannot start; the text says why and what to do."""
