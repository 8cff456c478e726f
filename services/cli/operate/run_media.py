"""What each command about pictures does, once its options are read."""

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import click
import grpc.aio
from aviary.media.v1 import media_service_pb2 as pb
from aviary.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.cli.operate.calling import channel_to, explained
from services.cli.operate.client import TIMEOUT_S
from services.cli.operate.finding import Found, find
from services.cli.operate.showing import show_table
from services.cli.options import echo_json
from services.platform.rpc.rpc_client import RpcClient
from services.platform.specs import server_of

__all__ = ["clear", "quarantined", "remove", "show_as_json", "show_as_table"]

MEDIA: Final = "aviary.media.v1.MediaService"


class MediaClient:
    """A client of `aviary.media.v1.MediaService`; every method raises `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = MediaServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def quarantined(self, limit: int) -> Sequence[pb.QuarantinedMedia]:
        """List up to `limit` pictures that are hidden, the oldest first."""
        with explained(self._found):
            request = pb.ListQuarantinedRequest(limit=limit)
            return (await self._rpc.call(self._stub.ListQuarantined, request)).media

    async def clear(self, media_id: int) -> None:
        """Have a picture shown again."""
        with explained(self._found):
            await self._rpc.call(self._stub.ClearMedia, pb.ClearMediaRequest(media_id=media_id))

    async def remove(self, media_id: int) -> None:
        """Delete a picture."""
        with explained(self._found):
            await self._rpc.call(self._stub.RemoveMedia, pb.RemoveMediaRequest(media_id=media_id))


@asynccontextmanager
async def _reached(data_dir: Path | None) -> AsyncIterator[MediaClient]:
    """Open a channel for a while."""
    found = find(server_of(MEDIA).name, data_dir, os.environ)
    async with channel_to(found, pb.DESCRIPTOR) as channel:
        yield MediaClient(found, channel)


async def quarantined(data_dir: Path | None, limit: int, *, as_json: bool = False) -> None:
    """Print one line for each picture that is hidden."""
    async with _reached(data_dir) as client:
        listed = await client.quarantined(limit)
    (show_as_json if as_json else show_as_table)(listed)


async def clear(data_dir: Path | None, media_id: int) -> None:
    """Show a picture again."""
    async with _reached(data_dir) as client:
        await client.clear(media_id)
    click.echo(f"picture {media_id} is shown again")


async def remove(data_dir: Path | None, media_id: int) -> None:
    """Delete a picture."""
    async with _reached(data_dir) as client:
        await client.remove(media_id)
    click.echo(f"picture {media_id} is deleted")


def _tweet(media: pb.QuarantinedMedia) -> str | None:
    return str(media.tweet_id) if media.HasField("tweet_id") else None


def show_as_table(listed: Iterable[pb.QuarantinedMedia]) -> None:
    """Print one line for each picture."""
    rows = [
        (
            str(each.media_id),
            str(each.user_id),
            _tweet(each) or "none",
            each.quarantined_at.ToJsonString(),
            each.reason,
        )
        for each in listed
    ]
    show_table([("picture", "user", "tweet", "since", "found"), *rows])


def show_as_json(listed: Iterable[pb.QuarantinedMedia]) -> None:
    """`{"media": [{"media_id", "user_id", "tweet_id", "quarantined_at", "reason"}]}`."""
    echo_json(
        {
            "media": [
                {
                    "media_id": str(each.media_id),
                    "user_id": str(each.user_id),
                    "tweet_id": _tweet(each),
                    "quarantined_at": each.quarantined_at.ToJsonString(),
                    "reason": each.reason,
                }
                for each in listed
            ]
        }
    )
