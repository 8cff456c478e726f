"""A service behind a sidecar: what it believes of who is calling, by real sockets."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer
from services.platform.security.identities import spiffe_id
from services.platform.security.process import PLAIN, Security
from tests.certificates import WAIT_S, Ids, id_server

FORWARDED = "x-forwarded-client-cert"
HASH = "0" * 64


def forwarded(*peers: str) -> str:
    uris = ";".join(f"URI={peer}" for peer in peers)
    return f"By={spiffe_id('id')};Hash={HASH};{uris}"


@pytest.fixture
def ids() -> Ids:
    return Ids()


@pytest.fixture
async def server(ids: Ids) -> AsyncIterator[RpcServer]:
    server = id_server(ids, Security(sidecar=True))
    await server.start()
    yield server
    await server.stop(0)


async def code(address: str, *headers: str) -> str:
    async with open_channel(address, [], behind_sidecar="id") as channel:
        call = stubs.IdServiceStub(channel).LeaseWorker(
            pb.LeaseWorkerRequest(owner="a"),
            timeout=WAIT_S,
            metadata=tuple((FORWARDED, header) for header in headers),
        )
        return (await call.code()).name


@pytest.mark.parametrize("peer", ["user", "tweet", "graph"])
async def test_whom_the_sidecar_names_may_call(server: RpcServer, peer: str) -> None:
    assert await code(server.address, forwarded(spiffe_id(peer))) == "OK"


@pytest.mark.parametrize("peer", ["timeline", "edge", "operator", "nobody"])
async def test_the_table_is_held_here_too(server: RpcServer, ids: Ids, peer: str) -> None:
    with capture_logs() as logs:
        assert await code(server.address, forwarded(spiffe_id(peer))) == "PERMISSION_DENIED"
    (denied,) = [each for each in logs if each["event"] == "rpc.denied"]
    assert (denied["caller"], denied["reason"]) == (peer, "CALLER_NOT_ALLOWED")
    assert ids.calls == 0


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("",),
        (forwarded(),),
        (forwarded("tweet"),),
        (forwarded("spiffe://elsewhere/tweet"),),
        (forwarded(f'"{spiffe_id("tweet")}"'),),
        (forwarded(spiffe_id("tweet"), spiffe_id("tweet")),),
        (f"{forwarded(spiffe_id('tweet'))},{forwarded(spiffe_id('timeline'))}",),
        (forwarded(spiffe_id("tweet")), forwarded(spiffe_id("tweet"))),
        (f'Subject="URI={spiffe_id("tweet")}"',),
    ],
)
async def test_without_one_clear_name_nobody_may_call(
    server: RpcServer, ids: Ids, headers: tuple[str, ...]
) -> None:
    assert await code(server.address, *headers) == "PERMISSION_DENIED"
    assert ids.calls == 0


async def test_nobody_is_believed_from_beyond_loopback(ids: Ids) -> None:
    host = own_address()
    server = id_server(ids, Security(sidecar=True), f"{host}:0")
    await server.start()
    try:
        assert await code(server.address, forwarded(spiffe_id("tweet"))) == "PERMISSION_DENIED"
    finally:
        await server.stop(0)


async def test_a_sidecar_is_believed_by_a_socket_too(tmp_path: Path, ids: Ids) -> None:
    server = id_server(ids, Security(sidecar=True), f"unix:{tmp_path / 'socket'}")
    await server.start()
    try:
        assert await code(server.address, forwarded(spiffe_id("tweet"))) == "OK"
        assert await code(server.address, forwarded(spiffe_id("timeline"))) == "PERMISSION_DENIED"
    finally:
        await server.stop(0)


def own_address() -> str:
    """The address at which others reach this machine; connecting by UDP sends no packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has loopback alone")
        return str(probe.getsockname()[0])


async def test_without_a_sidecar_the_header_says_nothing(ids: Ids) -> None:
    server = id_server(ids, PLAIN)
    await server.start()
    try:
        assert await code(server.address, forwarded(spiffe_id("timeline"))) == "OK"
    finally:
        await server.stop(0)


async def test_health_needs_no_name(server: RpcServer) -> None:
    async with open_channel(server.address, []) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
