"""Who may connect, and who may call what: by real sockets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer
from services.platform.rpc.status import DETAILS_KEY
from services.platform.security.certificates.authority import Pair
from services.platform.security.identities import IDENTITIES
from services.platform.security.process import Security
from tests.certificates import (
    WAIT_S,
    Ids,
    authority_in,
    dial,
    files,
    foreign_authority,
    id_server,
    leaf,
    lease,
    new_folder,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_folder(tmp_path)
    return tmp_path


@pytest.fixture
def ids() -> Ids:
    return Ids()


@pytest.fixture
async def server(folder: Path, ids: Ids) -> AsyncIterator[RpcServer]:
    server = id_server(ids, Security(files(folder, "id")))
    await server.start()
    yield server
    await server.stop(0)


def trusted(folder: Path) -> bytes:
    return (folder / "ca.pem").read_bytes()


async def test_the_right_certificate_calls(folder: Path, server: RpcServer, ids: Ids) -> None:
    async with open_channel(server.address, [], tls=files(folder, "tweet").towards("id")) as to_id:
        assert await lease(to_id) == "OK"
    assert ids.calls == 1


@pytest.mark.parametrize("kind", ["none", "foreign", "expired", "not yet"])
async def test_no_other_certificate_connects(
    folder: Path, server: RpcServer, ids: Ids, kind: str
) -> None:
    own = authority_in(folder)
    pair = {
        "none": None,
        "foreign": leaf(foreign_authority(), "tweet"),
        "expired": leaf(own, "tweet", made=timedelta(days=8)),
        "not yet": leaf(own, "tweet", made=timedelta(days=-1)),
    }[kind]
    async with dial(server.address, trusted(folder), pair) as channel:
        assert await lease(channel) == "UNAVAILABLE"
    async with dial(server.address, trusted(folder), leaf(own, "tweet")) as channel:
        assert await lease(channel) == "OK"
    assert ids.calls == 1


async def test_plaintext_does_not_connect(server: RpcServer, ids: Ids) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        assert await lease(channel) == "UNAVAILABLE"
    assert ids.calls == 0


@pytest.mark.parametrize("peer", ["timeline", "fanout", "edge", "operator", "gateway", "nobody"])
async def test_the_table_decides(folder: Path, server: RpcServer, ids: Ids, peer: str) -> None:
    pair = leaf(authority_in(folder), peer)
    with capture_logs() as logs:
        async with dial(server.address, trusted(folder), pair) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stubs.IdServiceStub(channel).LeaseWorker(
                    pb.LeaseWorkerRequest(owner="a"), timeout=WAIT_S
                )
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    status = Status.FromString(dict(caught.value.trailing_metadata() or ())[DETAILS_KEY])
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    method = "aviary.id.v1.IdService/LeaseWorker"
    assert (info.reason, info.metadata) == (
        "CALLER_NOT_ALLOWED",
        {"method": method, "caller": peer},
    )
    assert ids.calls == 0
    (denied,) = (log for log in logs if log["event"] == "rpc.denied")
    assert (denied["caller"], denied["method"]) == (peer, method)


async def test_a_certificate_of_another_trust_domain_is_nobodys(
    folder: Path, server: RpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "services.platform.security.certificates.authority.spiffe_id",
        lambda name: f"spiffe://evil.example/{name}",
    )
    pair = leaf(authority_in(folder), "tweet")
    async with dial(server.address, trusted(folder), pair) as channel:
        assert await lease(channel) == "PERMISSION_DENIED"


async def test_a_peer_of_another_name_is_refused(folder: Path, server: RpcServer) -> None:
    tls = files(folder, "tweet")
    async with open_channel(server.address, [], tls=tls.towards("user")) as to_user:
        assert await lease(to_user) == "UNAVAILABLE"


@pytest.mark.parametrize("kind", ["foreign", "expired"])
async def test_a_server_with_another_certificate_is_refused(folder: Path, kind: str) -> None:
    pair = (
        leaf(foreign_authority(), "id")
        if kind == "foreign"
        else leaf(authority_in(folder), "id", made=timedelta(days=8))
    )
    server, address = _bare_server(pair, trusted(folder))
    await server.start()
    tls = files(folder, "tweet")
    async with open_channel(address, [], tls=tls.towards("id")) as channel:
        assert await lease(channel) == "UNAVAILABLE"
    await server.stop(None)


def _bare_server(pair: Pair, trusted: bytes) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server()
    credentials = grpc.ssl_server_credentials(
        [(pair.key, pair.certificate)], trusted, require_client_auth=True
    )
    return server, f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"


async def silent() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    await asyncio.Event().wait()
    yield reflection_pb2.ServerReflectionRequest()


@pytest.mark.parametrize("peer", IDENTITIES)
async def test_health_is_for_everybody_and_reflection_for_few(
    folder: Path, server: RpcServer, peer: str
) -> None:
    async with open_channel(server.address, [], tls=files(folder, peer).towards("id")) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = await check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        if peer in {"gateway", "operator"}:
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            call = stub.ServerReflectionInfo(iter([asked]), timeout=WAIT_S)
            names = (await anext(aiter(call))).list_services_response.service
            assert "aviary.id.v1.IdService" in {each.name for each in names}
            call.cancel()
        else:
            # Asks for nothing: what is sent to a call that was refused meanwhile fails by itself.
            call = stub.ServerReflectionInfo(silent(), timeout=WAIT_S)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(aiter(call))
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
