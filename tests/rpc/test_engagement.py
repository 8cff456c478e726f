"""Two replicas of the engagement service, beside real siblings: what both do is done once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from aviary.engagement.v1 import engagement_service_pb2 as pb
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2 as user_pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.cli.serving import running
from services.platform.config.settings import DEFAULT_ADDRESSES, Settings
from services.platform.rpc.server import RpcServer
from tests.certificates import until
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port

USERS = 12
WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class World:
    replicas: tuple[EngagementServiceStub, EngagementServiceStub]
    tweets: TweetServiceStub
    accounts: UserServiceStub
    users: tuple[int, ...]

    @property
    def one(self) -> Any:
        return self.replicas[0]

    @property
    def other(self) -> Any:
        return self.replicas[1]

    async def post(self) -> int:
        made = await self.tweets.CreateTweet(
            tweet_pb.CreateTweetRequest(user_id=self.users[0], text="hi")
        )
        return made.tweet_id

    async def likers(self, tweet_id: int, replica: Any) -> list[int]:
        page = await replica.ListLikers(pb.ListLikersRequest(tweet_id=tweet_id))
        return [user.user_id for user in page.users]

    async def likes(self, tweet_id: int, replica: Any) -> int:
        found = await replica.LookupCounts(pb.LookupCountsRequest(tweet_ids=[tweet_id]))
        return found.counts[0].like_count

    async def counted(self, tweet_id: int, expected: int) -> None:
        """Both replicas say so in the end, and nothing is to be put right."""

        async def agree() -> bool:
            found = [await self.likes(tweet_id, replica) for replica in self.replicas]
            return found == [expected] * 2

        await until(agree, WAIT_S)
        drifts = await self.one.Reconcile(pb.ReconcileRequest(tweet_ids=[tweet_id]))
        assert not drifts.drifts


async def serve(stack: AsyncExitStack, name: str, settings: Settings) -> str:
    server = RpcServer(
        settings.addresses[name], await stack.enter_async_context(running(name, settings))
    )
    await server.start()
    stack.push_async_callback(server.stop, 1.0)
    return server.address


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
        for name in ("id", "user", "tweet", "graph"):
            await serve(stack, name, settings)

        def channel(address: str) -> Any:
            made = grpc.aio.insecure_channel(address)
            stack.push_async_callback(made.close)
            return made

        replicas = []
        for _ in range(2):
            own = {**settings.addresses, "engagement": f"127.0.0.1:{free_port()}"}
            address = await serve(stack, "engagement", replace(settings, addresses=own))
            replicas.append(EngagementServiceStub(channel(address)))
        users = UserServiceStub(channel(settings.addresses["user"]))
        ids = [
            (
                await users.CreateUser(
                    user_pb.CreateUserRequest(handle=f"u{each}", display_name=f"u{each}")
                )
            ).user.user_id
            for each in range(USERS)
        ]
        tweets = TweetServiceStub(channel(settings.addresses["tweet"]))
        yield World((replicas[0], replicas[1]), tweets, users, tuple(ids))


async def all_ok(calls: Sequence[Any]) -> None:
    await asyncio.gather(*calls)


async def test_the_same_likes_at_both_replicas_at_once(world: World) -> None:
    tweet = await world.post()
    for _ in range(2):
        await all_ok(
            [
                replica.Like(pb.LikeRequest(user_id=user, tweet_id=tweet))
                for user in world.users
                for replica in world.replicas
            ]
        )
    assert await world.likers(tweet, world.one) == sorted(world.users)
    await world.counted(tweet, USERS)


async def test_likes_and_what_takes_them_back_race(world: World) -> None:
    tweet = await world.post()
    for _ in range(4):
        await all_ok(
            [
                call
                for user in world.users
                for call in (
                    world.one.Like(pb.LikeRequest(user_id=user, tweet_id=tweet)),
                    world.other.Unlike(pb.UnlikeRequest(user_id=user, tweet_id=tweet)),
                )
            ]
        )
    liking = await world.likers(tweet, world.other)
    for user in world.users:
        page = await world.one.ListLikes(pb.ListLikesRequest(user_id=user))
        assert [each.tweet_id for each in page.tweets] == ([tweet] if user in liking else [])
    await world.counted(tweet, len(liking))


async def test_a_page_is_gone_on_from_at_another_replica(world: World) -> None:
    tweet = await world.post()
    await all_ok(
        [world.one.Like(pb.LikeRequest(user_id=user, tweet_id=tweet)) for user in world.users]
    )
    first = await world.one.ListLikers(pb.ListLikersRequest(tweet_id=tweet, limit=5))
    rest = await world.other.ListLikers(
        pb.ListLikersRequest(tweet_id=tweet, cursor=first.next_cursor)
    )
    ids = [user.user_id for user in (*first.users, *rest.users)]
    assert ids == sorted(world.users)
    assert not rest.HasField("next_cursor")
    for request, method in (
        (pb.ListRetweetersRequest(tweet_id=tweet, cursor=first.next_cursor), "ListRetweeters"),
        (pb.ListLikersRequest(tweet_id=tweet + 1, cursor=first.next_cursor), "ListLikers"),
    ):
        with pytest.raises(grpc.aio.AioRpcError, match="is not a cursor that this list gave"):
            await getattr(world.one, method)(request)


async def test_where_the_next_page_is_comes_with_each(world: World) -> None:
    tweet, more = await world.post(), await world.post()
    one, other = world.users[:2]
    for user, liked in ((one, tweet), (other, tweet), (one, more)):
        engaged = {"user_id": user, "tweet_id": liked}
        await world.one.Like(pb.LikeRequest(**engaged))
        await world.one.Retweet(pb.RetweetRequest(**engaged))
        await world.one.Bookmark(pb.BookmarkRequest(**engaged))
    for method, request, own in (
        ("ListLikers", pb.ListLikersRequest(tweet_id=tweet, limit=1), ""),
        ("ListRetweeters", pb.ListRetweetersRequest(tweet_id=tweet, limit=1), ""),
        ("ListLikes", pb.ListLikesRequest(user_id=one, limit=1), ""),
        ("ListBookmarks", pb.ListBookmarksRequest(user_id=one, limit=1), f"user_id={one}&"),
    ):
        call = getattr(world.one, method)(request)
        page = await call
        said = dict(await call.initial_metadata())
        links = [f'<?{own}limit=1&cursor={page.next_cursor}>; rel="next"']
        if method in {"ListLikes", "ListBookmarks"}:
            links.append(f'<?{own}limit=1&cursor={page.previous_cursor}>; rel="prev"')
        assert said["link"] == ", ".join(links)


async def test_what_was_done_is_said_at_every_replica_at_once(world: World) -> None:
    tweets = [await world.post() for _ in range(4)]
    user = world.users[0]
    engaged = [{"user_id": user, "tweet_id": tweet_id} for tweet_id in tweets]
    await world.one.Like(pb.LikeRequest(**engaged[0]))
    await world.one.Retweet(pb.RetweetRequest(**engaged[0]))
    await world.one.Bookmark(pb.BookmarkRequest(**engaged[1]))
    await world.one.Like(pb.LikeRequest(**engaged[2]))
    await world.one.Unlike(pb.UnlikeRequest(**engaged[2]))
    expected = pb.Engaged(
        liked_ids=tweets[:1], retweeted_ids=tweets[:1], bookmarked_ids=tweets[1:2]
    )
    asked = pb.LookupEngagedRequest(user_id=user, tweet_ids=tweets)
    for replica in world.replicas:
        found = await replica.LookupEngaged(asked)
        newest = await replica.ListNewestEngaged(pb.ListNewestEngagedRequest(user_id=user))
        assert (found.engaged, newest.engaged) == (expected, expected)
        assert newest.floor_tweet_id == 0
        others = pb.LookupEngagedRequest(user_id=world.users[1], tweet_ids=tweets)
        assert (await replica.LookupEngaged(others)).engaged == pb.Engaged()


async def test_lists_of_own_are_drawn(world: World) -> None:
    tweet, user = await world.post(), world.users[1]
    await world.one.Like(pb.LikeRequest(user_id=user, tweet_id=tweet))
    await world.counted(tweet, 1)
    page = await world.other.ListLikes(pb.ListLikesRequest(user_id=user))
    (shown,) = page.tweets
    assert (shown.like_count, shown.retweet_count) == (1, 0)
    assert (shown.viewer.liked, shown.viewer.bookmarked) == (True, False)
    assert [author.user_id for author in page.includes.users] == [world.users[0]]


async def test_who_likes_a_tweet_is_shown_as_anywhere_else(world: World) -> None:
    tweet = await world.post()
    user = world.users[0]
    said = await world.accounts.UpdateUser(user_pb.UpdateUserRequest(user_id=user, bio="hi"))
    await world.one.Like(pb.LikeRequest(user_id=user, tweet_id=tweet))
    page = await world.one.ListLikers(pb.ListLikersRequest(tweet_id=tweet))
    assert list(page.users) == [said.user]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Like", pb.LikeRequest(user_id=1)),
        ("Unbookmark", pb.UnbookmarkRequest(user_id=-1, tweet_id=1)),
        ("ListLikers", pb.ListLikersRequest()),
        ("ListLikes", pb.ListLikesRequest(user_id=1, limit=201)),
        ("ListBookmarks", pb.ListBookmarksRequest(user_id=1, cursor="c" * 34)),
        ("LookupCounts", pb.LookupCountsRequest()),
        ("LookupCounts", pb.LookupCountsRequest(tweet_ids=[1] * 1_001)),
        ("Reconcile", pb.ReconcileRequest(tweet_ids=[1] * 101)),
        ("LookupEngaged", pb.LookupEngagedRequest(tweet_ids=[1])),
        ("LookupEngaged", pb.LookupEngagedRequest(user_id=1)),
        ("LookupEngaged", pb.LookupEngagedRequest(user_id=1, tweet_ids=[1] * 1_001)),
        ("ListNewestEngaged", pb.ListNewestEngagedRequest(user_id=-1)),
        ("ListLikes", pb.ListLikesRequest(user_id=1, expansions="all")),
    ],
)
async def test_what_is_beyond_the_limits_is_refused(
    world: World, method: str, request_: Any
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await getattr(world.one, method)(request_)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
