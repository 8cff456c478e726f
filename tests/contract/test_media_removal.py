"""What is deleted takes its pictures with it; and what nobody needs is collected."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.media.collecting import SETTLE_MS
from services.media.erasure import LATE_UPLOADS_MS
from services.media.keys import media_row_key
from services.media.model import COLLECTED, Status
from services.media.spec import MEDIA, TABLES
from services.platform.errors import CallAgain, FailedPreconditionError, UnavailableError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import RowMutation, RowStore
from services.tweet.events import TweetEvents
from services.user.events import UserEvents
from tests.contract import row_engines
from tests.contract.media_world import ADA, BOB, ORPHAN_S, World
from tests.contract.row_engines import bigtable_emulator, store
from tests.pictures import picture
from tests.tweet_messages import created

__all__ = ["bigtable_emulator", "store"]

DAY_MS = ORPHAN_S * 1_000


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore, tmp_path: Path) -> AsyncIterator[World]:
    world = World(store, tmp_path / "media")
    yield world


async def rows_left(world: World) -> int:
    scans = [await world.rows.scan(each.name, b"", b"\xff", limit=100) for each in TABLES]
    return sum(map(len, scans))


def tweet_of(world: World) -> int:
    """An id as of a tweet that is made now."""
    return first_id_at(world.clock.ms) | 1


async def attached(world: World, tweet_id: int) -> int:
    media_id = await world.ready()
    await world.attaching.attach(ADA, tweet_id, [media_id])
    return media_id


async def test_a_deleted_tweet_takes_its_pictures_with_it(one: World) -> None:
    tweet = tweet_of(one)
    media_id = await attached(one, tweet)
    gone = TweetEvents().deleted(tweet, ADA, [media_id])
    one.tweets.deleted.add(tweet)
    # Others' messages, of before and of now, are about no pictures, and cost no question.
    await one.consumers.tweets_changed([created(5, ADA), gone, gone])
    assert await one.is_gone(media_id)
    assert await rows_left(one) == 0
    assert one.tweets.asked == [[tweet]]


async def test_a_message_that_is_made_up_deletes_nothing(one: World) -> None:
    tweet = tweet_of(one)
    media_id = await attached(one, tweet)
    with pytest.raises(FailedPreconditionError):
        await one.consumers.tweets_changed([TweetEvents().deleted(tweet, ADA, [media_id])])
    one.tweets.deleted.add(9)
    await one.consumers.tweets_changed([TweetEvents().deleted(9, ADA, [media_id])])
    assert (await one.media(media_id)).status is Status.READY


async def test_a_deleted_user_takes_all_pictures_along(one: World) -> None:
    kept = await one.ready(BOB)
    await attached(one, tweet_of(one))
    await one.ready()
    await one.room()
    one.users.deleted.add(ADA)
    message = UserEvents().deleted(ADA, one.clock.ms)
    with pytest.raises(CallAgain):
        await one.consumers.user_deleted(message)
    # Room that was being made meanwhile.
    one.users.deleted.clear()
    await one.room()
    one.users.deleted.add(ADA)
    one.clock.ms += LATE_UPLOADS_MS
    await one.consumers.user_deleted(message)
    assert not await one.store.owned(ADA, 10)
    assert len(one.files()) == 3
    assert (await one.media(kept)).status is Status.READY


async def test_what_cannot_be_read_is_erased_as_well(one: World) -> None:
    media_id = await one.ready()
    broken = RowMutation(MEDIA.name, media_row_key(media_id), {b"outcome": b"{"})
    await one.rows.mutate([broken])
    one.users.deleted.add(ADA)
    one.clock.ms += LATE_UPLOADS_MS
    await one.consumers.user_deleted(UserEvents().deleted(ADA, one.clock.ms - LATE_UPLOADS_MS))
    assert await one.is_gone(media_id)
    assert await rows_left(one) == 0


async def test_what_no_tweet_carries_is_collected_after_a_day(one: World) -> None:
    await one.room()
    await one.ready()
    await one.ready(data=b"no picture")
    one.clock.ms += DAY_MS - 1_000
    young = await one.ready()
    await one.collecting.step()
    assert len(await one.store.owned(ADA, 10)) == 4
    one.clock.ms += 2_000
    await one.collecting.step()
    assert await one.store.owned(ADA, 10) == [young]
    assert len(one.files()) == 3


async def test_what_a_tweet_carries_is_kept_and_not_looked_at_again(one: World) -> None:
    media_id = await attached(one, tweet_of(one))
    one.clock.ms += DAY_MS + 1_000
    await one.collecting.step()
    assert (await one.media(media_id)).status is Status.READY
    asked = len(one.tweets.asked)
    await one.collecting.step()
    assert len(one.tweets.asked) == asked


async def test_pictures_of_a_tweet_that_never_came_to_be_are_collected(one: World) -> None:
    media_id = await one.ready()
    one.clock.ms += DAY_MS + 1_000
    tweet = tweet_of(one)
    await one.attaching.attach(ADA, tweet, [media_id])
    one.tweets.deleted.add(tweet)
    # It may yet come.
    await one.collecting.step()
    assert (await one.media(media_id)).holder == tweet
    one.clock.ms += SETTLE_MS
    await one.collecting.step()
    assert await one.is_gone(media_id)


async def test_what_is_being_collected_is_attached_by_nobody(one: World) -> None:
    media_id = await one.ready()
    assert await one.store.hold(media_id, 0, COLLECTED) == 0
    with pytest.raises(FailedPreconditionError):
        await one.attaching.attach(ADA, tweet_of(one), [media_id])
    one.clock.ms += DAY_MS + 1_000
    await one.collecting.step()
    assert await one.is_gone(media_id)


async def test_a_picture_that_is_attached_meanwhile_is_not_collected(one: World) -> None:
    media_id = await one.ready()
    seen = await one.media(media_id)
    await one.attaching.attach(ADA, tweet_of(one), [media_id])
    assert not await one.removal.collect(seen)
    assert (await one.media(media_id)).status is Status.READY


async def test_what_is_quarantined_waits_for_an_operator(one: World) -> None:
    one.scanner.found = "hash list: known"
    media_id = await one.ready()
    one.clock.ms += DAY_MS + 1_000
    await one.collecting.step()
    assert (await one.media(media_id)).status is Status.QUARANTINED
    await one.desk.clear(media_id)
    await one.collecting.step()
    assert await one.is_gone(media_id)


async def test_a_picture_that_is_deleted_while_it_is_looked_at_leaves_nothing(one: World) -> None:
    media_id = await one.room()
    await one.send(media_id, picture())
    await one.desk.remove(media_id)
    await one.publish()
    assert await one.is_gone(media_id)
    assert await rows_left(one) == 0


async def test_a_removal_that_failed_half_way_is_finished(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = await one.ready()
    one.clock.ms += DAY_MS + 1_000

    async def fails(_media_id: int) -> None:
        raise UnavailableError("the disk is away")

    with monkeypatch.context() as patch:
        patch.setattr(one.bytes, "delete", fails)
        with pytest.raises(UnavailableError):
            await one.collecting.step()
    assert (await one.media(media_id)).holder == COLLECTED
    await one.collecting.step()
    assert await one.is_gone(media_id)
    assert await rows_left(one) == 0
