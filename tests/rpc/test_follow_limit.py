"""Following more users than one may, over the wire."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from services.platform.rpc.status import DETAILS_KEY
from tests.rpc.graph_server import running_graph

ADA, BOB, PROTECTED = 1, 2, 9
MOST = 3


@pytest_asyncio.fixture
async def stub(tmp_path: Path) -> AsyncIterator[GraphServiceStub]:
    async with running_graph(tmp_path, max_followed=MOST) as graph:
        yield GraphServiceStub(graph.channel)


async def refusal(call: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    trailers = dict(caught.value.trailing_metadata() or ())
    info = ErrorInfo()
    (detail,) = Status.FromString(trailers[DETAILS_KEY]).details
    assert detail.Unpack(info)
    return info.reason, dict(info.metadata)


async def test_each_way_to_follow_one_more_says_why_it_may_not_be(stub: GraphServiceStub) -> None:
    protect = pb.SetProtectionRequest(user_id=PROTECTED, revision=1, protected=True)
    await stub.SetProtection(protect)
    follow = pb.FollowRequest(follower_id=ADA, followee_id=PROTECTED)
    assert (await stub.Follow(follow)).pending
    await stub.FollowUsers(pb.FollowUsersRequest(follower_id=ADA, followee_ids=[2, 3, 4]))
    told = "TOO_MANY_FOLLOWED", {"user_id": "1", "following": "3", "most": "3"}
    assert await refusal(stub.Follow(pb.FollowRequest(follower_id=ADA, followee_id=5))) == told
    more = pb.FollowUsersRequest(follower_id=ADA, followee_ids=[4, 5])
    assert await refusal(stub.FollowUsers(more)) == told
    approve = pb.ApproveFollowRequestRequest(user_id=PROTECTED, requester_id=ADA)
    assert await refusal(stub.ApproveFollowRequest(approve)) == told
    await stub.Unfollow(pb.UnfollowRequest(follower_id=ADA, followee_id=BOB))
    await stub.ApproveFollowRequest(approve)
    assert await refusal(stub.FollowUsers(more)) == told
