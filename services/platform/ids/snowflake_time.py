"""What is inside a Snowflake id; the one place that knows where its time begins and sits."""

__all__ = ["EPOCH_MS", "MAX_WORKERS", "first_id_at", "time_ms", "worker"]

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z in Unix milliseconds; 41 bits last until 2093."""

TIME_SHIFT = 22
"""Bits of worker and sequence below the milliseconds."""

WORKER_SHIFT = 12
"""Bits of sequence below the worker number."""

MAX_WORKERS = 1 << (TIME_SHIFT - WORKER_SHIFT)
"""Worker numbers are below this."""


def time_ms(snowflake: int) -> int:
    """When the id was made, in Unix milliseconds."""
    return (snowflake >> TIME_SHIFT) + EPOCH_MS


def worker(snowflake: int) -> int:
    """Which process made the id: no two that run at once have the same number."""
    return (snowflake >> WORKER_SHIFT) % MAX_WORKERS


def first_id_at(unix_ms: int) -> int:
    """The smallest id that can be made at a time; 0 for times before the epoch."""
    return max(0, unix_ms - EPOCH_MS) << TIME_SHIFT
