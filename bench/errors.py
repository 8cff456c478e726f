"""Why a benchmark ends early."""

__all__ = ["BenchError"]


class BenchError(Exception):
    """A measurement cannot be made, or would not mean what it says; the text says why."""
