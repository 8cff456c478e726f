"""How the live service asks its siblings: for tweets of any size, and of any release."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.live.clients import TimelineClient
from services.live.ports import Reading
from services.platform.composition.dependencies import service_of
from services.platform.error_reasons import Reason
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer

TIMELINES = service_of(pb.DESCRIPTOR)
READING = Reading(7, "", 0)
LETTERS = 270_000
WITHIN_S = 30.0
LIMIT = 50


class Timelines:
    """A home timeline of tweets of some length, newest first."""

    def __init__(self, tweet_ids: Sequence[int], letters: int = LETTERS) -> None:
        self.text = "x" * letters
        self.tweet_ids = tweet_ids

    async def GetHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, _context: object
    ) -> pb.GetHomeTimelineResponse:
        before = int(request.cursor or 1_000)
        below = [each for each in self.tweet_ids if request.since_id < each < before]
        page = below[: request.limit]
        return pb.GetHomeTimelineResponse(
            tweets=[Tweet(tweet_id=each, user_id=1, text=self.text) for each in page],
            next_cursor=str(page[-1]) if len(below) > len(page) else "",
        )

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def unused(_request: object, _context: object) -> None:
            raise AssertionError

        return unused


class Earlier:
    """A process whose call table does not have the live service yet."""

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def refuse(_request: object, _context: object) -> None:
            raise PermissionDeniedError("it may not call this", reason=Reason.CALLER_NOT_ALLOWED)

        return refuse


@asynccontextmanager
async def client_of(servicer: object) -> AsyncIterator[TimelineClient]:
    server = RpcServer("127.0.0.1:0", [Servicer(TIMELINES, servicer)])
    await server.start()
    channel = open_channel(server.address, [TIMELINES])
    try:
        yield TimelineClient(channel, RpcClient(timeout_s=WITHIN_S))
    finally:
        await channel.close()
        await server.stop(0)


async def test_a_page_too_large_for_one_answer_is_read_in_parts() -> None:
    async with client_of(Timelines([20, 19, *range(15, 0, -1)])) as client:
        found = await client.newer(READING, 1, LIMIT)
    assert [each.entry_id for each in found.entries] == [*range(2, 16), 19, 20]
    assert found.whole


async def test_no_more_is_kept_than_one_answer_holds_and_the_rest_is_a_gap() -> None:
    async with client_of(Timelines(range(200, 0, -1))) as client:
        found = await client.newer(READING, 0, LIMIT)
    kept = [each.entry_id for each in found.entries]
    assert kept == list(range(201 - len(kept), 201))
    assert 4 < len(kept) < LIMIT // 2
    assert not found.whole


async def test_a_refusal_of_a_release_before_is_waited_out() -> None:
    async with client_of(Earlier()) as client:
        with pytest.raises(UnavailableError, match="may not call"):
            await client.newer(READING, 0, LIMIT)
