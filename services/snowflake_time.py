"""The time inside a Snowflake id; the one place that knows where it begins and where it sits."""

__all__ = ["EPOCH_MS", "first_id_at", "time_ms"]

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z in Unix milliseconds; 41 bits last until 2093."""

TIME_SHIFT = 22
"""Bits of worker and sequence below the milliseconds."""


def time_ms(snowflake: int) -> int:
    """When the id was made, in Unix milliseconds."""
    return (snowflake >> TIME_SHIFT) + EPOCH_MS


def first_id_at(unix_ms: int) -> int:
    """The smallest id that can be made at a time; 0 for times before the epoch."""
    return max(0, unix_ms - EPOCH_MS) << TIME_SHIFT
