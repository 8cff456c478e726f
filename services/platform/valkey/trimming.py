"""Trimming the lists that the edges are sent."""

from redis.exceptions import ResponseError

from services.platform.valkey.connection import ValkeyClient

__all__ = ["trim"]


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
