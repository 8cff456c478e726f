"""Retweets in home timelines on real rows and a real Valkey, with the fan-out run by hand."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aviary.timeline.v1 import timeline_service_pb2 as pb
from google.api.httpbody_pb2 import HttpBody

from services.platform.errors import InvalidArgumentError
from services.platform.rpc.json_answers import json_writer
from services.platform.rpc.paging import CursorCodec
from services.platform.valkey.lines import ValkeyNode
from services.timeline.model import EncodedTweet
from services.timeline.servicer import TimelineServicer
from services.tweet.events import TweetEvents
from services.tweet.model import RetweetPair
from services.tweet.retweet_store import RowRetweetStore
from services.tweet.retweets import Retweets
from tests.contract.own_tweets_world import AUTHOR, FRIEND, TABLES, World
from tests.contract.row_engines import bigtable_emulator, open_rows
from tests.contract.valkey_servers import valkey_node
from tests.undrawn import UNMARKED, undrawn
from tests.unit.drawing.world import World as DrawnWorld

__all__ = ["bigtable_emulator"]

OTHER, STRANGER = 3, 4
"""Users; `AUTHOR` is who reads, and follows `FRIEND` and `OTHER`."""
write_page = json_writer(pb.GetHomeTimelineResponse.DESCRIPTOR)
PLAIN_CURSOR = len(CursorCodec(lambda: [b"k" * 32]).encode("user", 1, 1))
"""Characters of a cursor that says nothing of retweets."""


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


class RetweetWorld(World):
    """With the retweets of the tweet service, and answers as clients get them."""

    def __init__(self, rows: Any, valkey: ValkeyNode) -> None:
        super().__init__(rows, valkey)
        self.graph.following = frozenset({FRIEND, OTHER})
        self.retweets = Retweets(
            store=RowRetweetStore(rows, self.store._outbox),
            tweets=self.store,
            ids=self,
            own_timeline=self,
            events=TweetEvents(),
            clock=self.clock,
        )
        self.servicer: Any = TimelineServicer(
            self.service, CursorCodec(lambda: [b"k" * 32]), undrawn()
        )
        self.made: list[int] = []

    async def next_id(self) -> int:
        self._last += 1
        return self._last

    async def posted(self, user_id: int, tweet_id: int) -> None:
        self.made.append(tweet_id)
        await self.pushes.show_own({tweet_id: user_id})

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        await self.pushes.deleted(tweet_id, user_id)

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        found, missing = await super().lookup(tweet_ids)
        found += [
            EncodedTweet(
                tweet_id=each.retweet_id,
                author_id=each.user_id,
                deleted=False,
                visibility=0,
                body=b"",
                retweet_of=each.tweet_id,
            )
            for each in await self.retweets.lookup(missing)
        ]
        known = {each.tweet_id for each in found}
        return found, [each for each in missing if each not in known]

    async def retweet(self, user: int, tweet_id: int, *, push: bool = True) -> int:
        """As the tweet service and the fan-out do."""
        await self.retweets.place({RetweetPair(user, tweet_id): True})
        if push:
            await self.pushes.push_homes({self.made[-1]: [AUTHOR]})
        else:
            await self.celebrities.add(user)
            # As half a second later: readers know of the celebrity.
            self.celebrities._known, self.celebrities._read_at_s = None, 0.0
        return self.made[-1]

    async def told(self, limit: int = 50) -> list[tuple[int, list[int]]]:
        """The whole home as a client of the RPC gets it: (tweet, who retweeted it)."""
        found: list[tuple[int, list[int]]] = []
        request = pb.GetHomeTimelineRequest(user_id=AUTHOR, limit=limit)
        while True:
            encoded = await self.servicer.GetHomeTimeline(request, UNMARKED)
            page = pb.GetHomeTimelineResponse.FromString(encoded)
            found += [(each.tweet_id, list(each.retweeted_by.user_ids)) for each in page.tweets]
            if not page.HasField("next_cursor"):
                return found
            request.cursor = page.next_cursor

    async def pages_back(self, request: pb.GetHomeTimelineRequest) -> list[list[int]]:
        """The tweets of all pages above one, the newest first, as far as there are any."""
        found: list[list[int]] = []
        while True:
            encoded = await self.servicer.GetHomeTimeline(request, UNMARKED)
            page = pb.GetHomeTimelineResponse.FromString(encoded)
            if not page.tweets:
                return found
            found.insert(0, [each.tweet_id for each in page.tweets])
            request.cursor = page.previous_cursor


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, valkey_port: int
) -> AsyncIterator[RetweetWorld]:
    async with open_rows(request, tmp_path, TABLES) as rows, ValkeyNode(port=valkey_port) as valkey:
        await valkey.flushall()
        yield RetweetWorld(rows, valkey)


async def expect(world: RetweetWorld, expected: list[tuple[int, list[int]]]) -> None:
    """From the list, paged, cold, from the list that this fills, and built anew."""
    for _ in range(2):
        assert await world.told() == expected
        assert [one for one, _ in await world.told(limit=2)] == [one for one, _ in expected]
        await expect_back(world, [one for one, _ in expected])
        await world.valkey.flushall()
    await world.service.rebuild_home(AUTHOR)
    assert await world.told() == expected


async def expect_back(world: RetweetWorld, expected: list[int]) -> None:
    """From each place up, in pages of every size."""
    for limit in range(1, len(expected) + 1):
        request = pb.GetHomeTimelineRequest(user_id=AUTHOR, limit=limit)
        for start in range(0, len(expected), limit):
            encoded = await world.servicer.GetHomeTimeline(request, UNMARKED)
            page = pb.GetHomeTimelineResponse.FromString(encoded)
            back = pb.GetHomeTimelineRequest(user_id=AUTHOR, limit=limit)
            back.cursor = page.previous_cursor
            found = await world.pages_back(back)
            assert [one for page in found for one in page] == expected[:start], (limit, start)
            request.cursor = page.next_cursor


@pytest.mark.parametrize("push", [True, False])
async def test_one_tweet_once_wherever_it_is_read(world: RetweetWorld, *, push: bool) -> None:
    assert await world.told() == []
    tweet, unseen = await world.post(STRANGER), await world.post(STRANGER)
    theirs = await world.post(FRIEND)
    await world.pushes.push_homes({theirs: [AUTHOR]})
    for user in (FRIEND, OTHER):
        await world.retweet(user, tweet, push=push)
    await world.retweet(OTHER, theirs, push=push)
    await world.retweet(STRANGER, unseen)
    own = await world.post()
    await expect(world, [(own, []), (tweet, [OTHER, FRIEND]), (theirs, [])])
    await world.retweets.place({RetweetPair(OTHER, tweet): False})
    await expect(world, [(own, []), (tweet, [FRIEND]), (theirs, [])])
    await world.delete(tweet)
    await expect(world, [(own, []), (theirs, [])])


async def test_a_push_that_comes_again_brings_nothing_back(world: RetweetWorld) -> None:
    tweet = await world.post(STRANGER)
    assert await world.told() == []
    retweet = await world.retweet(FRIEND, tweet)
    assert await world.told() == [(tweet, [FRIEND])]
    await world.retweets.place({RetweetPair(FRIEND, tweet): False})
    await world.pushes.push_homes({retweet: [AUTHOR]})
    await world.pushes.push_authors({retweet: FRIEND})
    await expect(world, [])


async def test_the_json_says_what_the_message_says(world: RetweetWorld) -> None:
    """Also with what is drawn, which goes behind who retweeted it; they are included by default."""
    drawn = DrawnWorld()
    tweet = await world.post(STRANGER)
    drawn.likes[tweet] = 3
    retweet = await world.retweet(FRIEND, tweet)
    world.servicer._drawing = drawn.drawing
    request = pb.GetHomeTimelineRequest(user_id=AUTHOR)
    page = pb.GetHomeTimelineResponse.FromString(
        await world.servicer.GetHomeTimeline(request, UNMARKED)
    )
    body = HttpBody.FromString(await world.servicer.GetHomeTimelineJson(request, UNMARKED))
    assert body.data == write_page(page).encode()
    (shown,) = json.loads(body.data)["tweets"]
    assert (shown["tweet_id"], shown["like_count"]) == (str(tweet), 3)
    assert shown["retweeted_by"] == {"retweet_id": str(retweet), "user_ids": [str(FRIEND)]}
    assert [user.user_id for user in page.includes.users] == [STRANGER, FRIEND]


async def test_pages_of_a_users_timeline_stand_by_themselves(world: RetweetWorld) -> None:
    """Their cursors are those of before, which processes of an earlier release take too."""
    theirs, tweet = await world.post(FRIEND), await world.post(STRANGER)
    await world.retweet(FRIEND, tweet)
    request = pb.GetUserTimelineRequest(user_id=FRIEND, limit=1)
    shown = []
    for _ in range(2):
        encoded = await world.servicer.GetUserTimeline(request, UNMARKED)
        page = pb.GetUserTimelineResponse.FromString(encoded)
        shown += [each.tweet_id for each in page.tweets]
        assert len(page.next_cursor) in (PLAIN_CURSOR, 0)
        request.cursor = page.next_cursor
    assert shown == [tweet, theirs]


async def test_what_is_retweeted_again_comes_again_at_its_new_place(world: RetweetWorld) -> None:
    """As on the first page of who reads anew; what is above does not hide what nothing brings."""
    first, second = await world.post(STRANGER), await world.post(STRANGER)
    assert await world.told() == []
    await world.retweet(FRIEND, first)
    await world.retweet(FRIEND, second)
    request = pb.GetHomeTimelineRequest(user_id=AUTHOR, limit=1)
    page = pb.GetHomeTimelineResponse.FromString(
        await world.servicer.GetHomeTimeline(request, UNMARKED)
    )
    assert [each.tweet_id for each in page.tweets] == [second]
    await world.retweet(OTHER, first)
    request.cursor = page.previous_cursor
    assert await world.pages_back(request) == [[first]]
    assert await world.told() == [(first, [OTHER, FRIEND]), (second, [FRIEND])]
    await world.retweets.place({RetweetPair(OTHER, first): False})
    request.cursor = page.previous_cursor
    assert await world.pages_back(request) == []


async def test_cursors_of_both_directions_are_of_one_timeline(world: RetweetWorld) -> None:
    """A page that is read again is the same, with its cursors; a foreign cursor is refused."""
    posted = [await world.post() for _ in range(6)][::-1]
    request = pb.GetHomeTimelineRequest(user_id=AUTHOR, limit=3)
    pages: list[pb.GetHomeTimelineResponse] = []
    for way in ("", "next_cursor", "previous_cursor", "previous_cursor"):
        request.cursor = getattr(pages[-1], way) if way else ""
        encoded = await world.servicer.GetHomeTimeline(request, UNMARKED)
        pages.append(pb.GetHomeTimelineResponse.FromString(encoded))
    shown = [[each.tweet_id for each in page.tweets] for page in pages]
    assert shown == [posted[:3], posted[3:], posted[:3], []]
    assert pages[0] == pages[2]
    assert pages[3].previous_cursor == pages[2].previous_cursor
    for read, foreign in (
        (world.servicer.GetHomeTimeline, pb.GetHomeTimelineRequest(user_id=FRIEND)),
        (world.servicer.GetUserTimeline, pb.GetUserTimelineRequest(user_id=AUTHOR)),
    ):
        foreign.cursor = pages[0].previous_cursor
        with pytest.raises(InvalidArgumentError):
            await read(foreign, UNMARKED)
