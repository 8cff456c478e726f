"""Pictures from the request for room to a tweet that carries them, on every engine of rows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.media.keys import quarantined_row_key
from services.media.model import Rejection, Status
from services.media.spec import QUARANTINED, TABLES
from services.platform.error_reasons import Reason
from services.platform.errors import (
    AlreadyExistsError,
    AviaryError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.media_world import ADA, BOB, World
from tests.contract.row_engines import bigtable_emulator, store
from tests.pictures import picture

__all__ = ["bigtable_emulator", "store"]

TWEET, OTHER = 7_000, 8_000


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore, tmp_path: Path) -> AsyncIterator[World]:
    world = World(store, tmp_path / "media")
    yield world


async def reason_of(
    world: World, *media_ids: int, user_id: int = ADA, tweet_id: int = TWEET
) -> str:
    with pytest.raises(AviaryError) as caught:
        await world.attaching.attach(user_id, tweet_id, media_ids)
    return str(caught.value.reason)


async def test_it_goes_from_room_to_ready(one: World) -> None:
    media_id = await one.room(alt_text="a red half")
    shown = await one.uploads.get(media_id, ADA)
    assert (shown.media.status, shown.urls) == (Status.UPLOADING, ())
    await one.send(media_id, picture(size=(900, 600)))
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.PROCESSING
    assert await one.publish() == 1
    shown = await one.uploads.get(media_id, ADA)
    assert shown.media.status is Status.READY
    assert len(shown.urls) == 3
    # What was uploaded is not kept beside what was made of it.
    assert sorted(path.name for path in one.files()) == ["original", "small", "thumb"]


async def test_a_message_that_comes_again_changes_nothing(one: World) -> None:
    media_id = await one.ready()
    before, files = await one.media(media_id), one.files()
    await one.consumers.uploaded(one.uploads._events.uploaded(media_id))
    assert (await one.media(media_id), one.files()) == (before, files)


@pytest.mark.parametrize(
    ("said", "data", "why"),
    [
        ({}, b"no picture", Rejection.UNKNOWN_TYPE),
        ({"content_type": "image/png"}, picture("JPEG"), Rejection.OTHER_TYPE),
        ({"size": 7}, picture("PNG"), Rejection.SIZE),
        ({}, picture("PNG")[:100], Rejection.UNREADABLE),
    ],
)
async def test_what_is_rejected_says_why_and_keeps_no_bytes(
    one: World, said: dict[str, object], data: bytes, why: Rejection
) -> None:
    media_id = await one.ready(data=data, **said)
    media = await one.media(media_id)
    assert (media.status, media.outcome) == (Status.REJECTED, why)
    assert not one.files()
    assert await reason_of(one, media_id) == Reason.MEDIA_NOT_READY


async def test_bytes_that_nobody_told_of_are_noticed_by_who_looks(one: World) -> None:
    media_id = await one.room()
    await one.bytes.receive(media_id, picture())
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.PROCESSING
    await one.publish()
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.READY


async def test_a_repeat_gives_the_same_picture(one: World) -> None:
    first = await one.room(request_id="r")
    assert await one.room(request_id="r") == first
    assert await one.room(BOB, request_id="r") != first
    with pytest.raises(AlreadyExistsError) as caught:
        await one.room(request_id="r", alt_text="other")
    assert caught.value.reason == Reason.REQUEST_ID_REUSED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content_type", "image/bmp"),
        ("content_type", "IMAGE/PNG"),
        ("size", -1),
        ("size", 5 * 1024 * 1024 + 1),
        ("alt_text", "a" * 1_001),
        ("alt_text", "a\0b"),
        ("alt_text", "a\u202eb"),
        ("alt_text", "\ud800"),
        ("request_id", "r" * 65),
    ],
)
async def test_bad_input_leaves_nothing_behind(one: World, field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await one.room(**{field: value})
    assert caught.value.field == field
    scans = [await one.rows.scan(table.name, b"", b"\xff", limit=1) for table in TABLES]
    assert not any(scans)


async def test_who_is_not_there_uploads_nothing(one: World) -> None:
    one.users.deleted.add(ADA)
    with pytest.raises(NotFoundError):
        await one.room()
    assert not await one.store.owned(ADA, 10)


async def test_a_tweet_takes_pictures_in_its_order_and_again(one: World) -> None:
    ids = [await one.ready(alt_text=f"number {each}") for each in range(4)]
    refs = await one.attaching.attach(ADA, TWEET, ids[::-1])
    assert [each.media_id for each in refs] == ids[::-1]
    assert [each.alt_text for each in refs] == [f"number {each}" for each in (3, 2, 1, 0)]
    assert await one.attaching.attach(ADA, TWEET, ids[::-1]) == refs
    assert await reason_of(one, ids[0], tweet_id=OTHER) == Reason.MEDIA_IN_USE


async def test_a_tweet_takes_all_or_none(one: World) -> None:
    good, uploading, others = await one.ready(), await one.room(), await one.ready(BOB)
    assert await reason_of(one, good, uploading) == Reason.MEDIA_NOT_READY
    assert await reason_of(one, good, others) == Reason.MEDIA_NOT_FOUND
    assert await reason_of(one, good, 999) == Reason.MEDIA_NOT_FOUND
    assert await reason_of(one, good, good) == Reason.INVALID_FIELD
    assert await reason_of(one, *range(1, 6)) == Reason.INVALID_FIELD
    assert (await one.media(good)).holder == 0


async def test_of_two_tweets_at_once_one_takes_a_picture(store: RowStore, tmp_path: Path) -> None:
    one = World(store, tmp_path / "media")
    other = World(store, tmp_path / "media", worker=2, clock=one.clock)
    first, second = await one.ready(), await one.ready()
    results = await asyncio.gather(
        one.attaching.attach(ADA, TWEET, [first, second]),
        other.attaching.attach(ADA, OTHER, [second, first]),
        return_exceptions=True,
    )
    holders = {(await one.media(each)).holder for each in (first, second)}
    failed = [each for each in results if isinstance(each, FailedPreconditionError)]
    # Both may meet half way, and let go of all; never does one have a picture of the other's.
    assert len(failed) == 2 - (holders != {0})
    assert len(holders) == 1


async def test_others_see_a_picture_once_a_tweet_carries_it(one: World) -> None:
    media_id = await one.ready()
    with pytest.raises(NotFoundError):
        await one.uploads.get(media_id, BOB)
    await one.attaching.attach(ADA, TWEET, [media_id])
    assert (await one.uploads.get(media_id, BOB)).urls == (
        await one.uploads.get(media_id, ADA)
    ).urls
    one.tweets.deleted = {TWEET}
    with pytest.raises(NotFoundError):
        await one.uploads.get(media_id, BOB)


async def test_nothing_is_shown_unscanned(one: World) -> None:
    one.scanner.fails = UnavailableError("away")
    media_id = await one.room()
    await one.send(media_id, picture())
    with pytest.raises(UnavailableError):
        await one.publish()
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.PROCESSING
    one.scanner.fails = None
    await one.publish()
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.READY


async def test_what_is_found_is_hidden_until_it_is_cleared(one: World) -> None:
    one.scanner.found = "clamd: Eicar"
    media_id = await one.ready()
    shown = await one.uploads.get(media_id, ADA)
    assert (shown.media.status, shown.urls) == (Status.QUARANTINED, ())
    assert await one.bytes.read(media_id, "original") is None
    assert await reason_of(one, media_id) == Reason.MEDIA_NOT_READY
    (listed,) = await one.desk.listed(0, 10)
    assert listed.quarantine is not None
    assert (listed.upload.media_id, listed.quarantine.reason) == (media_id, "clamd: Eicar")
    assert not await one.desk.listed(media_id, 10)
    await one.desk.clear(media_id)
    assert (await one.uploads.get(media_id, ADA)).media.status is Status.READY
    assert await one.bytes.read(media_id, "original") is not None
    assert not await one.desk.listed(0, 10)
    with pytest.raises(NotFoundError):
        await one.desk.clear(media_id)


async def test_a_page_is_full_whatever_the_list_has_besides(one: World) -> None:
    one.scanner.found = "clamd: Eicar"
    ids = [await one.ready() for _ in range(6)]
    for cleared in (ids[0], ids[3]):
        # As if it was hidden no more, and the process died before the list said so.
        await one.desk.clear(cleared)
        row = RowMutation(QUARANTINED.name, quarantined_row_key(cleared), {b"listed": b"1"})
        await one.rows.mutate([row])
    first = [each.upload.media_id for each in await one.desk.listed(0, 3)]
    assert first == [ids[1], ids[2], ids[4]]
    assert [each.upload.media_id for each in await one.desk.listed(first[-1], 3)] == [ids[5]]


async def test_an_operator_removes_a_picture_that_a_tweet_carries(one: World) -> None:
    media_id = await one.ready()
    await one.attaching.attach(ADA, TWEET, [media_id])
    await one.desk.remove(media_id)
    assert await one.is_gone(media_id)
    with pytest.raises(NotFoundError):
        await one.desk.remove(media_id)
