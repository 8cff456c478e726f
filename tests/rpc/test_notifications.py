"""Two replicas of the notification service, beside real siblings: what both do is done once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from aviary.engagement.v1 import engagement_service_pb2 as engagement_pb
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from aviary.graph.v1 import graph_service_pb2 as graph_pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.notification.v1 import notification_pb2
from aviary.notification.v1 import notification_service_pb2 as pb
from aviary.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2 as user_pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.platform.config.settings import DEFAULT_ADDRESSES, Settings
from tests.certificates import until
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port
from tests.rpc.test_engagement import serve

USERS = 12
WAIT_S = 20.0
LIKE = notification_pb2.NOTIFICATION_KIND_LIKE
MENTION = notification_pb2.NOTIFICATION_KIND_MENTION


@dataclass(frozen=True, slots=True)
class World:
    replicas: tuple[Any, Any]
    tweets: Any
    engagement: Any
    graph: Any
    accounts: Any
    users: tuple[int, ...]

    async def told(self, user_id: int) -> list[tuple[int, int, int]]:
        """Kind, tweet and count of all, as both replicas say."""
        request = pb.ListNotificationsRequest(user_id=user_id, limit=200)
        pages = [await replica.ListNotifications(request) for replica in self.replicas]
        one, other = (
            [(each.kind, each.tweet_id, each.actor_count) for each in page.notifications]
            for page in pages
        )
        assert one == other
        return one

    async def eventually(self, user_id: int, expected: list[tuple[int, int, int]]) -> None:
        async def agree() -> bool:
            try:
                return await self.told(user_id) == expected
            except AssertionError:
                return False

        await until(agree, WAIT_S)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(valkey_node(tmp_path))
        read = Settings.from_environment(
            {"AVIARY_DATA_DIR": str(tmp_path), "AVIARY_CURSOR_KEY": "ab" * 32}
        )
        settings = replace(
            read,
            addresses={name: f"127.0.0.1:{free_port()}" for name in DEFAULT_ADDRESSES},
            bus_valkey_url=f"redis://127.0.0.1:{port}/0",
            cache_valkey_url=f"redis://127.0.0.1:{port}/1",
        )
        for name in ("id", "user", "tweet", "graph", "engagement"):
            await serve(stack, name, settings)

        def channel(address: str) -> Any:
            made = grpc.aio.insecure_channel(address)
            stack.push_async_callback(made.close)
            return made

        replicas = []
        for _ in range(2):
            own = {**settings.addresses, "notification": f"127.0.0.1:{free_port()}"}
            address = await serve(stack, "notification", replace(settings, addresses=own))
            replicas.append(NotificationServiceStub(channel(address)))
        users = UserServiceStub(channel(settings.addresses["user"]))
        ids = [
            (
                await users.CreateUser(
                    user_pb.CreateUserRequest(handle=f"u{each}", display_name=f"u{each}")
                )
            ).user.user_id
            for each in range(USERS)
        ]
        yield World(
            (replicas[0], replicas[1]),
            TweetServiceStub(channel(settings.addresses["tweet"])),
            EngagementServiceStub(channel(settings.addresses["engagement"])),
            GraphServiceStub(channel(settings.addresses["graph"])),
            users,
            tuple(ids),
        )


async def test_all_that_is_done_at_once_is_told_once(world: World) -> None:
    ada, *fans = world.users
    tweet = (
        await world.tweets.CreateTweet(tweet_pb.CreateTweetRequest(user_id=ada, text="hi"))
    ).tweet_id
    likes = [engagement_pb.LikeRequest(user_id=fan, tweet_id=tweet) for fan in fans]
    unlikes = [engagement_pb.UnlikeRequest(user_id=fan, tweet_id=tweet) for fan in fans]
    await asyncio.gather(*map(world.engagement.Like, likes))
    await asyncio.gather(*map(world.engagement.Unlike, unlikes))
    await asyncio.gather(*map(world.engagement.Like, likes))
    await world.eventually(ada, [(LIKE, tweet, len(fans))])
    counts = [
        await replica.GetUnreadCount(pb.GetUnreadCountRequest(user_id=ada))
        for replica in world.replicas
    ]
    assert [(each.unread_count, each.has_more) for each in counts] == [(1, False)] * 2


async def test_a_cursor_of_one_replica_is_good_at_the_other(world: World) -> None:
    ada, bob, *_ = world.users
    tweets = [
        (
            await world.tweets.CreateTweet(
                tweet_pb.CreateTweetRequest(user_id=bob, text=f"@u0 {each}")
            )
        ).tweet_id
        for each in range(3)
    ]
    await world.eventually(ada, [(MENTION, each, 1) for each in reversed(tweets)])
    one, other = world.replicas
    first = await one.ListNotifications(pb.ListNotificationsRequest(user_id=ada, limit=2))
    rest = await other.ListNotifications(
        pb.ListNotificationsRequest(user_id=ada, cursor=first.next_cursor)
    )
    found = [each.tweet_id for page in (first, rest) for each in page.notifications]
    assert found == tweets[::-1]
    assert not rest.HasField("next_cursor")
    back = await one.ListNotifications(
        pb.ListNotificationsRequest(user_id=ada, limit=2, cursor=rest.previous_cursor)
    )
    assert (back.notifications, back.next_cursor) == (first.notifications, first.next_cursor)
    newer = await other.ListNotifications(
        pb.ListNotificationsRequest(user_id=ada, cursor=back.previous_cursor)
    )
    assert (len(newer.notifications), newer.previous_cursor) == (0, back.previous_cursor)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await other.ListNotifications(
            pb.ListNotificationsRequest(user_id=bob, cursor=first.next_cursor)
        )
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_pairs_and_handles_are_looked_up_together(world: World) -> None:
    ada, bob, cyd, *_ = world.users
    await world.graph.Follow(graph_pb.FollowRequest(follower_id=bob, followee_id=ada))
    await world.graph.Mute(graph_pb.MuteRequest(muter_id=ada, muted_id=bob))
    await world.graph.Block(graph_pb.BlockRequest(blocker_id=cyd, blocked_id=ada))
    pairs = [(ada, bob), (bob, ada), (ada, cyd), (cyd, ada), (bob, cyd), (ada, bob)]
    answer = await world.graph.LookupStandings(
        graph_pb.LookupStandingsRequest(
            pairs=[graph_pb.UserPair(user_id=one, target_id=other) for one, other in pairs]
        )
    )
    found = [(each.hidden, each.followed_by) for each in answer.standings]
    muted = (True, True)
    assert found == [
        muted,
        (False, False),
        (True, False),
        (True, False),
        (False, False),
        muted,
    ]
    assert answer.standings[0].HasField("follow_changed_at")
    found = await world.accounts.LookupUsersByHandle(
        user_pb.LookupUsersByHandleRequest(handles=["U1", "u0", "nobody", "x" * 16, "u1"])
    )
    assert [each.user_id for each in found.users] == [bob, ada]
    for call, request in (
        (world.graph.LookupStandings, graph_pb.LookupStandingsRequest()),
        (
            world.graph.LookupStandings,
            graph_pb.LookupStandingsRequest(pairs=[graph_pb.UserPair(user_id=1)]),
        ),
        (world.accounts.LookupUsersByHandle, user_pb.LookupUsersByHandleRequest()),
        (
            world.accounts.LookupUsersByHandle,
            user_pb.LookupUsersByHandleRequest(handles=["u1"] * 1_001),
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
