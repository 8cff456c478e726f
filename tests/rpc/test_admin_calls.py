"""What operators do, and calls that were refused, are in the audit log: by real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from services.platform.audit.tally import Tally
from services.platform.errors import InvalidArgumentError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.security.identities import spiffe_id
from services.platform.security.process import Security
from tests.certificates import WAIT_S, files, new_folder


class Audit(list[tuple[str, dict[str, Any]]]):
    full = False

    def record(self, event: str, /, **facts: Any) -> None:
        if self.full:
            raise OSError("no room")
        self.append((event, facts))


class Fanout:
    """Answers, or says no; counts what was really done."""

    done = 0

    async def PauseSubscriptions(self, request, _context):  # noqa: N802
        if "nothing" in request.subscriptions:
            raise InvalidArgumentError("subscriptions", "'nothing' is not one of them")
        self.done += 1
        return pb.PauseSubscriptionsResponse()

    async def GetControls(self, _request, _context):  # noqa: N802
        return pb.GetControlsResponse()

    async def _none(self, _request, _context):
        raise NotImplementedError

    GetBacklog = ListDeadLetters = RedriveDeadLetters = DropDeadLetters = _none
    SetCelebrityThreshold = ResumeSubscriptions = _none


class World:
    def __init__(self, folder: Path) -> None:
        new_folder(folder)
        self.folder, self.audit, self.fanout = folder, Audit(), Fanout()
        self.denials = Tally(self.audit)

    def server(self, **security: Any) -> RpcServer:
        (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
        protected = Security(audit=self.audit, denials=self.denials, **security)
        return RpcServer("127.0.0.1:0", [Servicer(descriptor, self.fanout)], security=protected)

    async def call(self, server: RpcServer, peer: str, *names: str) -> str:
        tls = files(self.folder, peer).towards("fanout")
        async with open_channel(server.address, [], tls=tls) as channel:
            return await pause(channel, *names)

    def fingerprint(self, name: str) -> str:
        pem = (self.folder / f"{name}.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex()


async def pause(channel: grpc.aio.Channel, *names: str, forwarded: str = "") -> str:
    request = pb.PauseSubscriptionsRequest(subscriptions=names)
    metadata = (("x-forwarded-client-cert", forwarded),) if forwarded else ()
    call = stubs.FanoutServiceStub(channel).PauseSubscriptions(
        request, timeout=WAIT_S, metadata=metadata
    )
    return (await call.code()).name


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def server(world: World) -> AsyncIterator[RpcServer]:
    server = world.server(tls=files(world.folder, "fanout"))
    await server.start()
    yield server
    await server.stop(0)


async def test_a_call_is_recorded_before_it_is_done_and_when_it_has_ended(
    world: World, server: RpcServer
) -> None:
    assert await world.call(server, "operator", "fanout.rest") == "OK"
    assert await world.call(server, "operator", "nothing") == "INVALID_ARGUMENT"
    called, ended, again, refused = world.audit
    number = called[1].pop("call")
    assert called == (
        "admin.called",
        {
            "what": "aviary.fanout.v1.FanoutService/PauseSubscriptions",
            "arguments": 'subscriptions: "fanout.rest"',
            "caller": "operator",
            "certificate": world.fingerprint("operator"),
        },
    )
    assert ended == ("admin.ended", {"call": number, "outcome": "OK"})
    assert again[1]["arguments"] == 'subscriptions: "nothing"'
    assert refused == ("admin.ended", {"call": again[1]["call"], "outcome": "INVALID_ARGUMENT"})


async def test_a_call_too_large_to_be_recorded_is_not_done(world: World, server: RpcServer) -> None:
    assert await world.call(server, "operator", *[""] * 600) == "INVALID_ARGUMENT"
    assert (world.audit, world.fanout.done) == ([], 0)


async def test_looking_is_not_recorded(world: World, server: RpcServer) -> None:
    tls = files(world.folder, "operator").towards("fanout")
    async with open_channel(server.address, [], tls=tls) as channel:
        await stubs.FanoutServiceStub(channel).GetControls(pb.GetControlsRequest(), timeout=WAIT_S)
    assert world.audit == []


async def test_what_cannot_be_recorded_is_not_done(world: World, server: RpcServer) -> None:
    world.audit.full = True
    assert await world.call(server, "operator", "fanout.rest") == "INTERNAL"
    assert world.fanout.done == 0


async def test_a_service_that_may_not_call_is_counted(world: World, server: RpcServer) -> None:
    for _ in range(3):
        assert await world.call(server, "tweet", "fanout.rest") == "PERMISSION_DENIED"
    world.denials.write()
    method = "aviary.fanout.v1.FanoutService/PauseSubscriptions"
    facts = {"method": method, "caller": "tweet", "reason": "CALLER_NOT_ALLOWED", "times": 3}
    assert world.audit == [("sibling.denied", facts)]
    assert world.fanout.done == 0


async def test_behind_a_sidecar_it_records_whose_certificate_it_was(world: World) -> None:
    server = world.server(sidecar=True)
    await server.start()
    forwarded = f"By={spiffe_id('fanout')};Hash={'ab' * 32};URI={spiffe_id('operator')}"
    async with open_channel(server.address, [], behind_sidecar="fanout") as channel:
        assert await pause(channel, "fanout.rest", forwarded=forwarded) == "OK"
    await server.stop(0)
    assert world.audit[0][1]["certificate"] == "ab" * 32
