"""Ids taken apart, to look into what a generator made."""

from services.platform.ids.model import MAX_SEQUENCE, IdParts
from services.platform.ids.snowflake_time import time_ms, worker

__all__ = ["decompose"]


def decompose(snowflake: int) -> IdParts:
    """Take an id apart; the inverse of `compose`."""
    return IdParts(time_ms(snowflake), worker(snowflake), snowflake & MAX_SEQUENCE)
