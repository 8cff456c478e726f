"""Lists by which edges refuse or slow single names: how long they may be, and their trimming."""

from typing import Final

from redis.exceptions import ResponseError

from services.platform.valkey.connection import ValkeyClient

__all__ = ["MAX_LISTED", "trim"]

MAX_LISTED: Final = 5_000
"""Names of a kind that edges are sent one by one: a megabyte of configuration for each edge, a
quarter of what gRPC takes of one message."""


async def trim(client: ValkeyClient, key: bytes, least: int | str, most: int | str) -> None:
    """Drop what has a score from `least` to `most`; and all of what is no list.

    Nobody would ever add to that, or read it; and a list that is lost is filled anew.
    """
    try:
        await client.zremrangebyscore(key, least, most)
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        await client.delete(key)
