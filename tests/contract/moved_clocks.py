"""A clock that a test moves, for what is kept in Valkey by time."""

import pytest

__all__ = ["NOW_MS", "MovedClock", "clock"]


NOW_MS = 1_800_000_000_000


class MovedClock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()
