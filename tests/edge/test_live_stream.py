"""Streams of home timelines through a real Envoy: events as they come, ends, and slow readers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
import pytest
from aviary.live.v1 import live_service_pb2 as pb
from aviary.live.v1 import live_service_pb2_grpc as stubs

from services.live import streams as streams_module
from services.live.streams import Streams
from services.platform.rpc.server import RpcServer
from services.platform.tokens.issuers import Issuer
from tests.edge import tokens
from tests.edge.conftest import running_edge
from tests.live_world import READER, Cache, World, served, streams_of

WITHIN_S = 20
LARGE = "x" * 200_000
STANDSTILL_S = 0.5
"""In which a stream that goes on would have sent something."""


class Live:
    """A live service behind an edge."""

    def __init__(self, client: httpx.AsyncClient, world: World, cache: Cache) -> None:
        self.client = client
        self.world = world
        self.cache = cache
        self.streams: Streams = streams_of(world, cache)
        self.server = RpcServer("127.0.0.1:0", [served(self.streams)])

    def post(self, text: str = "") -> int:
        self.world.passed_s += 1
        tweet = self.world.post(text=text)
        self.streams.pushed([(READER, tweet)])
        return tweet


@asynccontextmanager
async def live(token: str = "", issuers: Sequence[Issuer] = ()) -> AsyncIterator[Live]:
    world = World()
    if token:  # which ends by the clock
        world.sources = replace(world.sources, now_s=time.monotonic)
    made = Live(httpx.AsyncClient(), world, Cache())
    await made.server.start()
    try:
        async with running_edge(
            token,
            unauthenticated=not token,
            issuers=issuers,
            limits=False,
            backends={"live": made.server.address},
        ) as edge:
            made.client = edge.client
            yield made
    finally:
        await made.server.stop(0)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def block(lines: AsyncIterator[str]) -> dict[str, str]:
    """Read one event or comment."""
    found: dict[str, str] = {}
    async with asyncio.timeout(WITHIN_S):
        async for line in lines:
            if not line:
                return found
            name, _, value = line.partition(":")
            found[name] = value.strip()
    return found


def asked(**headers: str) -> dict[str, object]:
    return {"params": {"user_id": READER}, "headers": {"accept": "text/event-stream", **headers}}


async def test_events_pass_the_edge_one_by_one() -> None:
    async with live() as made:
        async with made.client.stream("GET", "/v1/stream/home", **asked()) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            lines = aiter(answer.aiter_lines())
            assert (await block(lines)).keys() == {"", "retry", "id"}
            tweet = made.post()
            event = await block(lines)
            assert event["event"] == "tweet"
            assert json.loads(event["data"])["tweet"]["tweet_id"] == str(tweet)
            made.streams.deleted(tweet)
            gone = await block(lines)
            assert (gone["event"], json.loads(gone["data"])) == ("delete", {"tweet_id": str(tweet)})
        await until(lambda: not made.cache.seats)
        missed = made.post()
        resumed = asked(**{"last-event-id": event["id"]})
        async with made.client.stream("GET", "/v1/stream/home", **resumed) as answer:
            lines = aiter(answer.aiter_lines())
            await block(lines)
            event = await block(lines)
            assert json.loads(event["data"])["tweet"]["tweet_id"] == str(missed)


async def test_what_is_wrong_is_said_before_the_stream() -> None:
    async with live() as made:
        for headers, query, status in (
            ({"last-event-id": "x"}, {}, 400),
            ({}, {"expansions": "everything"}, 400),
            ({}, {"since_id": "-1"}, 400),
        ):
            params = {"user_id": READER, **query}
            answer = await made.client.get("/v1/stream/home", params=params, headers=headers)
            assert answer.status_code == status, answer.text
            assert answer.json()["code"]
        answer = await made.client.head("/v1/stream/home", params={"user_id": READER})
        assert answer.status_code == 405
        made.cache.most = 0
        answer = await made.client.get("/v1/stream/home", **asked())
        assert (answer.status_code, "TOO_MANY_STREAMS" in answer.text) == (429, True)
        made.world.is_down, made.cache.most = True, 10
        answer = await made.client.get("/v1/stream/home", **asked())
        assert answer.status_code == 503
        assert not made.cache.seats


async def test_streams_end_in_order_when_their_process_does() -> None:
    async with live() as made, made.client.stream("GET", "/v1/stream/home", **asked()) as answer:
        lines = aiter(answer.aiter_lines())
        await block(lines)
        stopping = asyncio.create_task(made.server.stop(WITHIN_S))
        assert (await block(lines)).keys() == {"", "retry"}
        assert await block(lines) == {}
        await asyncio.wait_for(stopping, WITHIN_S)


async def test_a_stream_ends_with_its_token(tmp_path: Path) -> None:
    issuer = Issuer(
        name="test",
        issuer=tokens.ISSUER,
        audiences=(tokens.AUDIENCE,),
        user_claim="sub",
        jwks_file=tokens.write_jwks(tmp_path),
        may_act_for_anybody=True,
    )
    async with live(tokens.token(), [issuer]) as made:
        headers = {"authorization": f"Bearer {tokens.token(exp=int(time.time()) + 3)}"}
        async with made.client.stream("GET", "/v1/stream/home", headers=headers) as answer:
            assert answer.status_code == 200
            lines = aiter(answer.aiter_lines())
            assert (await block(lines)).keys() == {"", "retry", "id"}
            assert (await block(lines)).keys() == {"", "retry"}
            assert await block(lines) == {}
        await until(lambda: not made.cache.seats)


async def test_a_slow_reader_is_ended_holds_little_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams_module, "SLOW_S", 0.5)
    async with live() as made:
        base = made.client.base_url
        reader, writer = await asyncio.open_connection(base.host, base.port, limit=1_024)
        query = f"/v1/stream/home?user_id={READER}"
        writer.write(f"GET {query} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
        first = await reader.readuntil(b"\nid: ")
        assert b"200 OK" in first
        cursor = (await reader.readline()).decode().strip()
        tweets = [made.post(LARGE) for _ in range(60)]
        (stream,) = made.streams.all_open()
        await until(lambda: stream.window.has(tweets[0]))
        sent, before = 0, -1
        while sent != before:
            await asyncio.sleep(STANDSTILL_S)
            sent, before = sum(map(stream.window.has, tweets)), sent
        assert sent < len(tweets) // 2
        await made.streams.cut_slow()
        assert made.cache.seats
        made.world.passed_s += 1
        await made.streams.cut_slow()
        await until(lambda: not made.cache.seats)
        writer.close()
        found: list[int] = []
        resumed = asked(**{"last-event-id": cursor})
        async with made.client.stream("GET", "/v1/stream/home", **resumed) as answer:
            lines = aiter(answer.aiter_lines())
            await block(lines)
            while len(found) < len(tweets):
                found.append(int(json.loads((await block(lines))["data"])["tweet"]["tweet_id"]))
        assert found == tweets


async def test_a_client_of_grpc_is_told_the_same() -> None:
    async with live() as made:
        base = made.client.base_url
        async with grpc.aio.insecure_channel(f"{base.host}:{base.port}") as channel:
            stub = stubs.LiveServiceStub(channel)
            call = stub.StreamHome(pb.StreamHomeRequest(user_id=READER))
            assert (await call.read()).WhichOneof("event") == "heartbeat"
            tweet = made.post()
            told = await asyncio.wait_for(call.read(), WITHIN_S)
            assert told.tweet.tweet.tweet_id == tweet
            call.cancel()
            await until(lambda: not made.cache.seats)
            again = stub.StreamHome(pb.StreamHomeRequest(user_id=READER, cursor=told.cursor))
            assert (await again.read()).WhichOneof("event") == "heartbeat"
            missed = made.post()
            # How what was sent before stands now comes too.
            told = await asyncio.wait_for(again.read(), WITHIN_S)
            assert (told.WhichOneof("event"), told.counts.tweet_id) == ("counts", tweet)
            told = await asyncio.wait_for(again.read(), WITHIN_S)
            assert told.tweet.tweet.tweet_id == missed
