"""A real Envoy in front of a small real gRPC server."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from aviary.gateway.v1 import health_service_pb2 as health_pb
from aviary.gateway.v1 import health_service_pb2_grpc as health_grpc
from aviary.timeline.v1 import timeline_service_pb2 as timeline_pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as timeline_grpc
from aviary.tweet.v1 import tweet_pb2
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from gateway.control_plane.health import HealthServicer
from gateway.envoy import EdgeConfig, public_services, to_yaml
from gateway.envoy_binary import envoy_binary
from services.platform.composition.dependencies import service_of
from services.platform.errors import UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY, content_digest
from services.platform.rpc.created import location
from services.platform.rpc.json_answers import http_body, json_writer
from services.platform.rpc.server import HttpAt, RpcServer, Servicer
from tests.edge.graph_stand_in import graph_servicer

GENERATED = Path(__file__).resolve().parents[2] / "gen"
DESCRIPTOR = GENERATED / "descriptor.pb"
ORIGIN = "https://app.example"
# Above 2**53, where a JSON number would lose digits.
BIG_ID = 1849274738291834880
FOUND_ID = BIG_ID + 1
LONG = "long enough to be worth compressing " * 100
START_TIMEOUT_S = 20.0
POLL_S = 0.05


class Tweets(tweet_grpc.TweetServiceServicer):
    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    async def CreateTweet(self, request, context):  # noqa: N802
        self.metadata = dict(context.invocation_metadata())
        digest = (CONTENT_DIGEST_KEY, content_digest(request.text))
        await context.send_initial_metadata((digest, location("tweets", BIG_ID)))
        tweet = tweet_pb2.Tweet(tweet_id=BIG_ID, user_id=request.user_id, text=request.text)
        return tweet_pb.CreateTweetResponse(tweet=tweet)

    async def GetTweet(self, request, context):  # noqa: N802, RET503 - abort raises
        if request.tweet_id == FOUND_ID:
            self.metadata = dict(context.invocation_metadata())
            await context.send_initial_metadata((("etag", f'"{FOUND_ID}"'),))
            return tweet_pb.GetTweetResponse(tweet=tweet_pb2.Tweet(tweet_id=FOUND_ID, text=LONG))
        info = error_details_pb2.ErrorInfo(reason="TWEET_NOT_FOUND", domain="aviary")
        info.metadata["tweet_id"] = str(request.tweet_id)
        detail = any_pb2.Any()
        detail.Pack(info)
        said = "no such tweet"
        status = status_pb2.Status(code=code_pb2.NOT_FOUND, message=said, details=[detail])
        await context.abort_with_status(rpc_status.to_status(status))

    async def DeleteTweet(self, request, context):  # noqa: ARG002, N802
        return tweet_pb.DeleteTweetResponse()

    GetTweets = LookupTweets = ListAuthorTweets = DecideDelivery = PlaceRetweets = DeleteTweet
    GetConversation = BackfillReplies = LookupAuthorCounts = LookupSeenTweets = DeleteTweet
    ListQuarantinedTweets = QuarantineTweet = ClearTweet = DeleteTweet

    async def StreamTweets(self, request, context):  # noqa: ARG002, N802
        yield tweet_pb.StreamTweetsResponse()


def as_json(page: Message) -> HttpBody:
    """The answer that the edge passes on as it is."""
    return HttpBody.FromString(http_body(json_writer(page.DESCRIPTOR)(page).encode()))


class Timelines(timeline_grpc.TimelineServiceServicer):
    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    async def GetHomeTimeline(self, request, context):  # noqa: N802
        self.metadata = dict(context.invocation_metadata())
        tweets = [tweet_pb2.Tweet(tweet_id=BIG_ID, text=LONG)] * request.limit
        return timeline_pb.GetHomeTimelineResponse(tweets=tweets)

    async def GetHomeTimelineJson(self, request, context):  # noqa: N802
        return as_json(await self.GetHomeTimeline(request, context))

    async def GetUserTimeline(self, request, context):  # noqa: ARG002, N802
        await asyncio.Event().wait()

    GetUserTimelineJson = RebuildHomeTimeline = GetUserTimeline


class AbortingHealth(HealthServicer):
    """Maps the domain error as the services' own server does."""

    async def GetHealth(self, request, context) -> health_pb.GetHealthResponse:  # noqa: N802
        try:
            return await super().GetHealth(request, context)
        except UnavailableError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise


@dataclass
class Edge:
    client: httpx.AsyncClient
    tweets: Tweets
    timelines: Timelines
    server: grpc.aio.Server
    health: health.aio.HealthServicer
    second_health: health.aio.HealthServicer
    folder: Path
    """Of its Envoy's files."""
    over_http: RpcServer
    """Where it asks what it asks over HTTP."""

    async def until(
        self, method: str, path: str, status: int, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Ask again until the answer has this status."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                try:
                    answer = await self.client.request(method, path, headers=headers)
                except httpx.TransportError:
                    pass
                else:
                    if answer.status_code == status:
                        return answer
                await asyncio.sleep(POLL_S)


async def health_server() -> tuple[grpc.aio.Server, health.aio.HealthServicer, str]:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    return server, servicer, address


def admin_socket(folder: Path) -> str:
    """Where the Envoy of this folder takes its administrator's calls."""
    return str(folder / "admin.sock")


def admin_client(folder: Path) -> httpx.AsyncClient:
    """A client of Envoy's admin interface."""
    transport = httpx.AsyncHTTPTransport(uds=admin_socket(folder))
    return httpx.AsyncClient(base_url="http://admin", transport=transport, timeout=START_TIMEOUT_S)


async def _base_url(process: asyncio.subprocess.Process, folder: Path) -> str:
    """Learn from Envoy which port the system gave it."""
    socket_file = folder / "admin"
    async with asyncio.timeout(START_TIMEOUT_S), admin_client(folder) as client:
        while True:
            assert process.returncode is None, (folder / "envoy.log").read_text()
            if socket_file.exists() and socket_file.read_text().strip():
                answer = await client.get("/listeners?format=json")
                for listener in json.loads(answer.text).get("listener_statuses", []):
                    # One listener has a socket, and no port.
                    address = listener["local_address"].get("socket_address", {})
                    if port := address.get("port_value"):
                        return f"http://127.0.0.1:{port}"
            await asyncio.sleep(POLL_S)


async def server_over_http(timelines: object, tweets: object) -> RpcServer:
    """Start what an edge asks over HTTP, for timelines, posts, and changes of the graph."""
    served = [
        Servicer(service_of(timeline_pb.DESCRIPTOR), timelines),
        Servicer(service_of(tweet_pb.DESCRIPTOR), tweets),
        graph_servicer(),
    ]
    await (server := RpcServer("127.0.0.1:0", served, http=HttpAt("127.0.0.1:0"))).start()
    return server


def json_backends(over_http: RpcServer) -> dict[str, str]:
    """Where an edge finds what is asked over HTTP."""
    return dict.fromkeys(("timeline", "tweet", "graph"), f"127.0.0.1:{over_http.http_port}")


@asynccontextmanager
async def running_edge(
    token: str = "",
    opened: int = 200,
    gateway: Sequence[grpc.GenericRpcHandler] = (),
    backends: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Edge]:
    """A real Envoy, configured as `changes` say; it answers `opened` to who shows `token`.

    `backends` are addresses of services (short names) in place of those made up here. What goes
    over HTTP has a server of its own, unless `json_backends` says otherwise.
    """
    server, serving, address = await health_server()
    second, second_serving, second_address = await health_server()
    tweets, timelines = Tweets(), Timelines()
    channels = {"tweet": open_channel(address, []), "graph": open_channel(second_address, [])}
    ready = AbortingHealth(channels)
    tweet_grpc.add_TweetServiceServicer_to_server(tweets, server)
    timeline_grpc.add_TimelineServiceServicer_to_server(timelines, server)
    # Of its own server, which stays when the services' one is stopped.
    gate, _, gate_address = await health_server()
    gate.add_generic_rpc_handlers(gateway)
    health_grpc.add_HealthServiceServicer_to_server(ready, gate)
    over_http = await server_over_http(timelines, tweets)
    changes = {"json_backends": json_backends(over_http), **changes}
    for one in (server, second, gate):
        await one.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = EdgeConfig(
            listen_port=0,
            admin_socket=admin_socket(folder),
            backends={
                **dict.fromkeys(public_services(), address),
                "gateway": gate_address,
                **(backends or {}),
            },
            descriptor_path=str(changes.pop("descriptor_path", DESCRIPTOR)),
            openapi_path=str(GENERATED / "openapi.json"),
            docs_path=str(GENERATED / "docs.html"),
            cors_origins=[ORIGIN],
            **{"access_log_path": str(folder / "access.log"), **changes},
        )
        (folder / "envoy.yaml").write_text(to_yaml(config))
        with (folder / "envoy.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                str(envoy_binary()),
                *("-c", str(folder / "envoy.yaml"), "--disable-hot-restart"),
                *("--concurrency", "1", "--admin-address-path", str(folder / "admin")),
                stderr=log,
            )
        try:
            url = await _base_url(process, folder)
            async with httpx.AsyncClient(base_url=url, timeout=15) as client:
                edge = Edge(
                    client, tweets, timelines, server, serving, second_serving, folder, over_http
                )
                await edge.until("GET", "/healthz", 200)
                if token:
                    client.headers["authorization"] = f"Bearer {token}"
                await edge.until("DELETE", "/v1/tweets/1", opened)
                client.headers.pop("authorization", None)
                yield edge
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            for channel in channels.values():
                await channel.close()
            await over_http.stop(0)
            for one in (server, second, gate):
                await one.stop(None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_edge() -> AsyncIterator[Edge]:
    async with running_edge(unauthenticated=True) as running:
        yield running


@pytest.fixture
def edge(shared_edge: Edge) -> Edge:
    """The file's edge, which admits everybody, for tests that leave it as it was."""
    shared_edge.tweets.metadata, shared_edge.timelines.metadata = {}, {}
    return shared_edge


@pytest_asyncio.fixture(loop_scope="module")
async def own_edge() -> AsyncIterator[Edge]:
    """The like of it, for one test that breaks it or counts what went through."""
    async with running_edge(unauthenticated=True) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _descriptor_exists() -> None:
    assert DESCRIPTOR.exists(), "run `make generate`"
