"""Who a request from outside may speak for, over a real server."""

from typing import Any

import grpc
import pytest
from aviary.gateway.v1 import challenge_service_pb2 as challenge_pb
from aviary.gateway.v1 import challenge_service_pb2_grpc
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1 import timeline_service_pb2_grpc
from aviary.user.v1 import user_service_pb2 as user_pb
from aviary.user.v1 import user_service_pb2_grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from gateway.control_plane.challenges import ChallengeServicer
from gateway.control_plane.proof_of_work import Challenge
from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer, Servicer
from services.platform.rpc.status import DETAILS_KEY

ADA, BOB = 7, 8
SERVICE = pb.DESCRIPTOR.services_by_name["TimelineService"]


class Timelines:
    """Says whose timeline was read, as the cursor of the next page."""

    async def GetHomeTimeline(self, request: Any, _context: object) -> Any:  # noqa: N802
        return pb.GetHomeTimelineResponse(next_cursor=str(request.user_id))

    async def GetUserTimeline(self, request: Any, _context: object) -> Any:  # noqa: N802
        return pb.GetUserTimelineResponse(next_cursor=str(request.user_id))

    GetHomeTimelineJson = GetHomeTimeline
    GetUserTimelineJson = RebuildHomeTimeline = GetUserTimeline


async def read(user_id: int, *metadata: tuple[str, str], rpc: str = "GetHomeTimeline") -> int:
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, Timelines())])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    stub = timeline_service_pb2_grpc.TimelineServiceStub(channel)
    request = getattr(pb, f"{rpc}Request")(user_id=user_id)
    try:
        return int((await getattr(stub, rpc)(request, metadata=metadata)).next_cursor)
    finally:
        await channel.close()
        await server.stop(0)


def reason(error: grpc.aio.AioRpcError) -> str:
    details = dict(error.trailing_metadata())[DETAILS_KEY]
    info = ErrorInfo()
    Status.FromString(details).details[0].Unpack(info)
    return info.reason


def outside(scope: str, user: str | None = str(ADA)) -> list[tuple[str, str]]:
    return [("x-scope", scope), *([] if user is None else [("x-user-id", user)])]


async def test_end_user_may_be_left_out_or_named() -> None:
    assert await read(0, *outside("timeline:read")) == ADA
    assert await read(ADA, *outside("timeline:read")) == ADA


async def test_end_user_in_a_path_must_be_named() -> None:
    # `DELETE /v1/users/0` would delete the account of whoever sends it.
    assert await delete_user(ADA, *outside("users:write")) == [ADA]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await delete_user(0, *outside("users:write"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith("user_id: ")


async def delete_user(user_id: int, *metadata: tuple[str, str]) -> list[int]:
    """Returns whom the service was told to delete."""
    deleted: list[int] = []

    class Users:
        async def DeleteUser(self, request: Any, _context: object) -> Any:  # noqa: N802
            deleted.append(request.user_id)
            return user_pb.DeleteUserResponse()

        def __getattr__(self, _rpc: str) -> Any:
            return self.DeleteUser

    service = user_pb.DESCRIPTOR.services_by_name["UserService"]
    server = RpcServer("127.0.0.1:0", [Servicer(service, Users())])
    await server.start()
    channel = open_channel(server.address, [service])
    stub = user_service_pb2_grpc.UserServiceStub(channel)
    try:
        await stub.DeleteUser(user_pb.DeleteUserRequest(user_id=user_id), metadata=metadata)
    finally:
        await channel.close()
        await server.stop(0)
    return deleted


@pytest.mark.parametrize("other", [BOB, -1, 2**63 - 1])
async def test_nobody_acts_for_another(other: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await read(other, *outside("timeline:read"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert reason(refused.value) == "NOT_THE_CALLER"
    assert str(ADA) not in str(refused.value.details())


@pytest.mark.parametrize("user", [None, "app_x", "", "0", "-7", "7.0", "9" * 30, "07"])
@pytest.mark.parametrize("named", [0, ADA])
async def test_token_of_no_user_acts_for_nobody(named: int, user: str | None) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await read(named, *outside("timeline:read", user))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert reason(refused.value) == "NO_USER"


@pytest.mark.parametrize("scope", ["-", "", "act:anybody xact:any", "act:any:more"])
async def test_no_other_scope_lets_act_for_anybody(scope: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await read(BOB, *outside(scope))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_internal_job_acts_for_anybody_and_must_say_for_whom() -> None:
    assert await read(BOB, *outside("timeline:read act:any", "app_loader")) == BOB
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await read(0, *outside("act:any", "app_loader"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith("user_id: ")


@pytest.mark.parametrize(
    "metadata",
    [
        [*outside("timeline:read"), ("x-user-id", str(BOB))],
        [("x-user-id", str(BOB)), *outside("timeline:read")],
        [*outside("timeline:read"), ("x-user-id", str(ADA))],
        [*outside("timeline:read"), ("x-scope", "act:any")],
        [("x-scope", "act:any"), *outside("timeline:read")],
    ],
)
@pytest.mark.parametrize("named", [0, ADA, BOB])
async def test_end_user_who_is_named_twice_is_nobody(
    named: int, metadata: list[tuple[str, str]]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await read(named, *metadata)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert reason(refused.value) == "CALLER_NAMED_TWICE"


async def test_challenge_is_for_one_subject() -> None:
    class Proofs:
        def issue(self, _flow: str, who: str) -> Challenge:
            return Challenge(who, 1, 1)

    service = challenge_pb.DESCRIPTOR.services_by_name["ChallengeService"]
    servicer = ChallengeServicer(Proofs())  # type: ignore[arg-type] - it only issues
    server = RpcServer("127.0.0.1:0", [Servicer(service, servicer)])
    await server.start()
    channel = open_channel(server.address, [service])
    stub = challenge_service_pb2_grpc.ChallengeServiceStub(channel)
    request = challenge_pb.CreateChallengeRequest(flow="log-in")
    one, two = ("x-envoy-external-address", "192.0.2.1"), ("x-envoy-external-address", "192.0.2.2")
    try:
        assert "192.0.2.1" in (await stub.CreateChallenge(request, metadata=[one])).challenge
        for metadata in ([one, two], [("x-user-id", "7"), ("x-user-id", "8"), one]):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.CreateChallenge(request, metadata=metadata)
            assert reason(refused.value) == "CALLER_NAMED_TWICE"
    finally:
        await channel.close()
        await server.stop(0)


async def test_sibling_says_whom_it_acts_for() -> None:
    assert await read(BOB) == BOB
    # Without the edge's mark a user id means nothing.
    assert await read(BOB, ("x-user-id", str(ADA))) == BOB


async def test_what_names_no_end_user_is_left_alone() -> None:
    assert await read(BOB, *outside("timeline:read"), rpc="GetUserTimeline") == BOB


@pytest.mark.parametrize("user", ["9" * 20, "9" * 5_000])
async def test_what_is_no_id_is_nobody(user: str) -> None:
    metadata = outside("timeline:read", user)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read(0, *metadata)
    assert (caught.value.code(), reason(caught.value)) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "NO_USER",
    )
