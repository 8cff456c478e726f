"""What is inside a Snowflake id; the one place that knows where its time begins and sits."""

__all__ = ["EPOCH_MS", "TIME_SHIFT", "WORKER_COUNT", "first_id_at", "time_ms", "worker"]

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z in Unix milliseconds; 41 bits last until 2093."""

WORKER_BITS = 10
SEQUENCE_BITS = 12

TIME_SHIFT = WORKER_BITS + SEQUENCE_BITS
"""Bits below the milliseconds."""

WORKER_COUNT = 1 << WORKER_BITS
"""Worker numbers are 0 up to this, exclusive."""


def time_ms(snowflake: int) -> int:
    """When the id was made, in Unix milliseconds."""
    return (snowflake >> TIME_SHIFT) + EPOCH_MS


def worker(snowflake: int) -> int:
    """Which process made the id: no two that run at once have the same number."""
    return (snowflake >> SEQUENCE_BITS) % WORKER_COUNT


def first_id_at(unix_ms: int) -> int:
    """The smallest id that can be made at a time; 0 for times before the epoch."""
    return max(0, unix_ms - EPOCH_MS) << TIME_SHIFT
