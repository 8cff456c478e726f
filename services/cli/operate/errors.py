"""Why a command fails, in words for the person who typed it."""

__all__ = ["OperateError"]


class OperateError(Exception):
    """A command cannot be carried out; the text says why and what to do."""
