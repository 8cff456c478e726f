"""What the author of a tweet in quarantine is told, and others are not; and operators' calls."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.errors import NotFoundError
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from services.platform.runtime.clock import SystemClock
from services.tweet.events import TweetEvents
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer
from services.tweet.spec import TABLES
from tests.contract.quarantine_world import AUTHOR, Copies, Ids, QuarantineWorld
from tests.sights import NoHandles, SetSights
from tests.undrawn import undrawn

OTHER = AUTHOR + 1


class Reading:
    """A call of a user from outside; of a sibling, where nobody reads."""

    def __init__(self, reader: int = 0) -> None:
        self._reader = reader

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        if not self._reader:
            return ()
        return ((SCOPE_KEY, "tweets:read"), (USER_KEY, str(self._reader)))

    async def send_initial_metadata(self, _metadata: object) -> None:
        """Answers carry more, which is of no interest here."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[QuarantineWorld]:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await rows.open()
    yield QuarantineWorld(rows, SystemClock(), "bad")
    await rows.close()


@pytest.fixture
def servicer(world: QuarantineWorld) -> Any:
    service = TweetService(
        store=world.store,
        users=cast("Any", None),
        media=cast("Any", None),
        ids=Ids(SystemClock()),
        own_timeline=cast("Any", Copies()),
        events=TweetEvents(),
        clock=SystemClock(),
        sights=SetSights(),
        handles=NoHandles(),
    )
    none = cast("Any", None)
    return TweetServicer(service, none, none, none, none, world.quarantine, none, undrawn(), none)


async def test_its_author_alone_reads_it_and_is_told(world: QuarantineWorld, servicer: Any) -> None:
    bad = await world.post("so bad")
    read = await servicer.GetTweet(pb.GetTweetRequest(tweet_id=bad), Reading(OTHER))
    assert not read.HasField("quarantine")
    await world.scanning.created([bad])
    request = pb.GetTweetRequest(tweet_id=bad)
    for reader in (OTHER, 0):
        with pytest.raises(NotFoundError):
            await servicer.GetTweet(request, Reading(reader))
    read = await servicer.GetTweet(request, Reading(AUTHOR))
    assert read.tweet.text == "so bad"
    assert read.quarantine.quarantined_at.seconds > 0
    many = await servicer.GetTweets(pb.GetTweetsRequest(ids=str(bad)), Reading(AUTHOR))
    assert (len(many.tweets), len(many.errors)) == (0, 1)
    for reader in (AUTHOR, OTHER):
        seen = pb.LookupSeenTweetsRequest(tweet_ids=[bad], reader_user_id=reader)
        assert [*(await servicer.LookupSeenTweets(seen, Reading())).tweets] == []
    looked = await servicer.LookupTweets(pb.LookupTweetsRequest(tweet_ids=[bad, 5]), Reading())
    assert ([*looked.tweets], [*looked.missing_ids]) == ([], [5])


async def test_operators_list_hide_and_clear(world: QuarantineWorld, servicer: Any) -> None:
    tweet = await world.post("fine")
    hide = pb.QuarantineTweetRequest(tweet_id=tweet, reason="reported")
    for _ in range(2):
        await servicer.QuarantineTweet(hide, Reading())
    request = pb.ListQuarantinedTweetsRequest(limit=10)
    (found,) = (await servicer.ListQuarantinedTweets(request, Reading())).tweets
    assert (found.tweet_id, found.user_id, found.text) == (tweet, AUTHOR, "fine")
    assert (found.reason, found.quarantined_at.seconds > 0) == ("reported", True)
    for _ in range(2):
        await servicer.ClearTweet(pb.ClearTweetRequest(tweet_id=tweet), Reading())
    assert [*(await servicer.ListQuarantinedTweets(request, Reading())).tweets] == []
    read = await servicer.GetTweet(pb.GetTweetRequest(tweet_id=tweet), Reading(OTHER))
    assert not read.HasField("quarantine")
    with pytest.raises(NotFoundError):
        await servicer.ClearTweet(pb.ClearTweetRequest(tweet_id=await world.post("x")), Reading())
