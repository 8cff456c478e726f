"""Users, tweets and leases beside a newer version, which writes one field more into each cell."""

import json
import random
from pathlib import Path

import pytest

from services.id.service import WorkerLeases
from services.id.spec import LEASES
from services.id.store import RowLeaseStore
from services.platform.errors import AlreadyExistsError, NotFoundError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowMutation
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.text.entities import Entities, Mention
from services.tweet.keys import tweet_row_key
from services.tweet.model import RequestClaim, Tweet
from services.tweet.spec import OUTBOX as TWEET_OUTBOX
from services.tweet.spec import TABLES as TWEET_TABLES
from services.tweet.store import RowTweetStore
from services.user.events import UserEvents
from services.user.former_handles import FormerHandles
from services.user.name_index import NameIndex
from services.user.name_rows import RowNames
from services.user.service import UserService
from services.user.spec import OUTBOX
from services.user.store import RowUserStore
from tests.contract.newer_rows import NewerRows, says_more
from tests.sights import NoProtection
from tests.unit.lease_world import NOW, MovableClock
from tests.unit.user_world import World, user_world

AT_MS = 1_800_000_000_000


def newer(world: World) -> UserService:
    rows = NewerRows(world.rows)
    store = RowUserStore(rows, Outbox(rows, world.clock, OUTBOX))
    return UserService(
        store,
        world.ids,
        UserEvents(),
        world.clock,
        world.gone.announce,
        announce_changed=world.gone.announce_changed,
        former=FormerHandles(0),
        names=NameIndex(RowNames(rows), store),
        protection=NoProtection(),
    )


@pytest.mark.parametrize("newer_first", [True, False])
async def test_users_are_changed_by_either_version_in_turn(
    tmp_path: Path, *, newer_first: bool
) -> None:
    async with user_world(tmp_path) as world:
        pair = (newer(world), world.service) if newer_first else (world.service, newer(world))
        user = await pair[0].create("ada", "Ada", request_id="c")
        assert await pair[1].create("ada", "Ada", request_id="c") == user
        for number in range(4):
            service, handle = pair[number % 2], ("countess", "ada")[number % 2]
            changed = await service.update(
                user.user_id, handle=handle, display_name=str(number), request_id=f"u{number}"
            )
            again = await pair[1 - number % 2].update(
                user.user_id, handle=handle, display_name=str(number), request_id=f"u{number}"
            )
            assert again == changed
        (row,) = await world.rows.scan("users", b"", b"\xff", limit=9)
        assert says_more(row.cells[b"body"])
        await pair[1].delete(user.user_id, request_id="d")
        await pair[0].delete(user.user_id, request_id="d")
        with pytest.raises(NotFoundError):
            await pair[0].get_by_handle("ada")
        assert (await pair[0].create("ada", "Ada")).user_id != user.user_id
        with pytest.raises(AlreadyExistsError):
            await pair[1].create("ADA", "Ada")


async def test_tweets_of_a_newer_version_are_read(tmp_path: Path) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", [*TWEET_TABLES, TWEET_OUTBOX], MovableClock())
    await rows.open()
    newer_rows = NewerRows(rows)
    outbox = Outbox(newer_rows, MovableClock(), TWEET_OUTBOX)
    ahead, store = RowTweetStore(newer_rows, outbox), RowTweetStore(rows, outbox)
    tweet = Tweet(7, 1, "hi", AT_MS, 0, 0)
    await ahead.create(tweet, b"made")
    assert await store.get_many([7]) == {7: tweet}
    claim = RequestClaim(7, "digest")
    assert await ahead.claim(1, "r", claim) == claim
    assert await store.claim(1, "r", RequestClaim(8, "digest")) == claim
    assert await store.find_claim(1, "r") == claim
    await rows.close()


async def test_tweets_of_before_there_were_entities_are_read(tmp_path: Path) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", [*TWEET_TABLES, TWEET_OUTBOX], MovableClock())
    await rows.open()
    store = RowTweetStore(rows, Outbox(rows, MovableClock(), TWEET_OUTBOX))
    body = (
        b'{"user_id":1,"text":"hi @bob","created_at_ms":5,"in_reply_to_tweet_id":0,'
        b'"quote_tweet_id":0}'
    )
    await rows.mutate([RowMutation("tweets", tweet_row_key(7), {b"body": body})])
    entities = Entities(mentions=(Mention(3, 7, "bob"),))
    assert await store.get_many([7]) == {7: Tweet(7, 1, "hi @bob", 5, 0, 0, entities)}
    await rows.close()


async def test_leases_are_renewed_by_either_version_in_turn(tmp_path: Path) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", [LEASES], MovableClock())
    await rows.open()
    clock = MovableClock()
    ahead, behind = (
        WorkerLeases(RowLeaseStore(each), clock, random.Random(1))  # noqa: S311
        for each in (NewerRows(rows), rows)
    )
    lease = await ahead.acquire("me")
    for leases in (behind, ahead, behind):
        clock.ms += 1_000
        renewed = await leases.renew(lease.worker, "me")
        assert renewed.expires_at_ms > lease.expires_at_ms
        lease = renewed
    await behind.release(lease.worker, "me", NOW)
    assert (await ahead.acquire("you")).worker >= 0
    await rows.close()


async def test_what_came_later_is_not_in_the_body(tmp_path: Path) -> None:
    """The release before reads a body of exactly these fields, and takes any other for damage."""
    rows = SqliteRowStore(tmp_path / "rows.db", [*TWEET_TABLES, TWEET_OUTBOX], MovableClock())
    await rows.open()
    store = RowTweetStore(rows, Outbox(rows, MovableClock(), TWEET_OUTBOX))
    tweet = Tweet(7, 1, "hi @bob", AT_MS, 0, 0, Entities(mentions=(Mention(3, 7, "bob"),)), "en")
    await store.create(tweet, b"made")
    (row,) = await rows.scan("tweets", b"", b"\xff", limit=9)
    assert list(json.loads(row.cells[b"body"])) == [
        "user_id",
        "text",
        "created_at_ms",
        "in_reply_to_tweet_id",
        "quote_tweet_id",
    ]
    assert await store.get_many([7]) == {7: tweet}
    await store.delete(tweet, AT_MS + 1, b"gone")
    (row,) = await rows.scan("tweets", b"", b"\xff", limit=9)
    assert row.cells == {b"body": b"", b"said": b"", b"deleted": b"1"}
    await rows.close()
