"""A request has at most 64 KiB, decompressed, in whatever protocol it reaches the edge."""

import gzip
import struct
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import grpc
import pytest_asyncio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1 import graph_service_pb2_grpc as pb_grpc

from gateway.envoy.filters import MAX_BODY_BYTES
from gateway.envoy.hardening import MAX_HEADERS, MAX_HEADERS_KIB
from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES
from services.platform.rpc.server import RpcServer
from tests.edge.conftest import Edge, running_edge
from tests.edge.graph_stand_in import Graph, graph_servicer
from tests.edge.test_edge import assert_error

FOLLOW = "/aviary.graph.v1.GraphService/FollowUsers"
IDS = 400_000
GZIP = grpc.Compression.Gzip


@pytest_asyncio.fixture
async def sized() -> AsyncIterator[tuple[Edge, Graph]]:
    graph = Graph()
    server = RpcServer("127.0.0.1:0", [graph_servicer(graph)])
    await server.start()
    try:
        async with running_edge(unauthenticated=True, backends={"graph": server.address}) as edge:
            yield edge, graph
    finally:
        await server.stop(0)


async def follow(edge: Edge, request: pb.FollowUsersRequest, **options: Any) -> grpc.StatusCode:
    url = edge.client.base_url
    async with grpc.aio.insecure_channel(f"{url.host}:{url.port}") as channel:
        try:
            await pb_grpc.GraphServiceStub(channel).FollowUsers(request, **options)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_grpc_at_the_edge(sized: tuple[Edge, Graph]) -> None:
    edge, graph = sized
    good = pb.FollowUsersRequest(follower_id=1, followee_ids=range(2**62, 2**62 + 1_000))
    assert await follow(edge, good) is grpc.StatusCode.OK
    assert await follow(edge, good, compression=GZIP) is grpc.StatusCode.OK
    assert graph.got == [good, good]
    large = pb.FollowUsersRequest(follower_id=1, followee_ids=[2**62] * 7_300)
    assert MAX_REQUEST_BYTES < large.ByteSize() < 2 * MAX_REQUEST_BYTES
    huge = pb.FollowUsersRequest(follower_id=1, followee_ids=range(2, IDS))
    for request, compression in product((large, huge), (grpc.Compression.NoCompression, GZIP)):
        code = await follow(edge, request, compression=compression)
        # What is small until it is unpacked, the service refuses; the edge what comes large.
        small_before = request is large and compression is GZIP
        by_service, by_edge = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
        assert code is (by_service if small_before else by_edge), compression
    assert graph.got == [good, good]


async def test_grpc_web_at_the_edge(sized: tuple[Edge, Graph]) -> None:
    edge, graph = sized
    huge = pb.FollowUsersRequest(follower_id=1, followee_ids=[5] * IDS).SerializeToString()
    packed = gzip.compress(huge)
    assert len(packed) < MAX_BODY_BYTES < len(huge)
    # A thousandth of it passes the edge, and gRPC leaves off where it has unpacked too much.
    for encoding, flag, body in (("gzip", 1, packed), ("identity", 0, huge)):
        headers = {
            "content-type": "application/grpc-web+proto",
            "x-grpc-web": "1",
            "grpc-encoding": encoding,
        }
        frame = struct.pack(">BI", flag, len(body)) + body
        answer = await edge.client.post(FOLLOW, content=frame, headers=headers)
        assert (answer.status_code, answer.headers["grpc-status"]) == (200, "8")
        assert "large" in answer.headers["grpc-message"]
    assert graph.got == []


async def test_rest_at_the_edge(sized: tuple[Edge, Graph]) -> None:
    edge, graph = sized
    # Three bytes of JSON become ten, which are more than the edge holds of a request.
    inflated = f'{{"follower_id":1,"followee_ids":[{",".join(["-1"] * 21_000)}]}}'.encode()
    assert len(inflated) < MAX_BODY_BYTES
    packed = gzip.compress(b'{"follower_id":1,"followee_ids":[' + b"1," * IDS + b"1]}")
    plain = {"content-type": "application/json"}
    for body, headers, statuses in (
        (inflated, plain, {413, 400}),  # by the edge, or the service where the edge was faster
        (packed, {**plain, "content-encoding": "gzip"}, {415}),  # nobody unpacks it
        (b"1" * (MAX_BODY_BYTES + 1), plain, {413}),
    ):
        answer = await edge.client.post("/v1/follows", content=body, headers=headers)
        assert answer.status_code in statuses
        assert_error(answer, answer.status_code, 3)
        assert "grpc-status" not in answer.headers
    assert graph.got == []


async def test_services_take_the_headers_that_the_edge_takes(sized: tuple[Edge, Graph]) -> None:
    edge, graph = sized
    many = {f"x-{number}": "a" for number in range(MAX_HEADERS // 2)}
    for headers in ({"x-long": "a" * (MAX_HEADERS_KIB * 1024 - 1024)}, many):
        # Between two bounds of its own, gRPC refuses by chance: the larger, the more.
        for _ in range(8):
            body = {"follower_id": 1, "followee_ids": [2]}
            answer = await edge.client.post("/v1/follows", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
    assert len(graph.got) == 16
