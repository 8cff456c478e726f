"""What users pin: one of their own, whatever is repeated or raced, on every engine."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.platform.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from services.platform.outbox.outbox import Outbox
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from services.user.model import Account, FormerHandle, RequestMark, User
from services.user.pinning import Pinning
from services.user.spec import OUTBOX, TABLES, USERS
from services.user.store import RowUserStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ADA, BOB = User(7, "ada", "Ada", 1), User(8, "bob", "Bob", 1)
MANY = 40


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


class Tweets:
    """Tweets by their authors, and who may not see them; keeps what it was asked."""

    def __init__(self, **authors: int) -> None:
        self.by = {int(name[1:]): author for name, author in authors.items()}
        self.hidden: set[tuple[int, int]] = set()
        self.asked: list[tuple[int, list[int]]] = []
        self.fails = False

    async def authors(self, reader: int, tweet_ids: Sequence[int]) -> dict[int, int]:
        self.asked.append((reader, list(tweet_ids)))
        if self.fails:
            raise UnavailableError("no answer")
        seen = [each for each in tweet_ids if (reader, each) not in self.hidden]
        return {each: self.by[each] for each in seen if each in self.by}


@pytest.fixture
async def users(store: RowStore) -> RowUserStore:
    users = RowUserStore(store, Outbox(store, SystemClock(), OUTBOX))
    for each in (ADA, BOB):
        await users.add(each)
    return users


@pytest.fixture
def tweets() -> Tweets:
    return Tweets(t1=7, t2=7, t3=8)


@pytest.fixture
def pinning(users: RowUserStore, tweets: Tweets) -> Pinning:
    return Pinning(users, tweets)


async def pinned(users: RowUserStore) -> int:
    return (await users.get([ADA.user_id]))[ADA.user_id].pinned_tweet_id


async def test_the_last_one_is_pinned_and_repeats_change_nothing(
    users: RowUserStore, pinning: Pinning
) -> None:
    await pinning.pin(7, 1)
    before = await users.find(7)
    await pinning.pin(7, 1)
    assert await users.find(7) == before == Account(replace(ADA, pinned_tweet_id=1), 1)
    await pinning.pin(7, 2)
    assert await pinned(users) == 2
    # Of one that is not pinned any more.
    await pinning.unpin(7, 1)
    assert await pinned(users) == 2
    for _ in range(2):
        await pinning.unpin(7, 2)
        assert await pinned(users) == 0
    assert (await users.get([8]))[8] == BOB


async def test_what_is_not_ones_own_is_not_pinned(
    users: RowUserStore, tweets: Tweets, pinning: Pinning
) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        await pinning.pin(7, 3)
    assert refused.value.reason == "NOT_THE_AUTHOR"
    tweets.hidden.add((7, 3))
    for absent in (3, 4):
        with pytest.raises(NotFoundError) as missing:
            await pinning.pin(7, absent)
        assert missing.value.reason == "TWEET_NOT_FOUND"
    tweets.by[5] = 9
    for change in (pinning.pin, pinning.unpin):
        with pytest.raises(NotFoundError) as nobody:
            await change(9, 5)
        assert nobody.value.reason == "USER_NOT_FOUND"
        for ids in ((0, 1), (7, 0), (-1, 1), (7, -1)):
            with pytest.raises(InvalidArgumentError):
                await change(*ids)
    tweets.fails = True
    with pytest.raises(UnavailableError):
        await pinning.pin(7, 1)
    assert await pinned(users) == 0


async def test_other_changes_of_the_account_stay_and_keep_it(
    users: RowUserStore, pinning: Pinning
) -> None:
    mark, former = RequestMark("r1", "f"), (FormerHandle("ada_l", 5),)
    assert await users.replace(Account(ADA), Account(ADA, 1, mark, former))
    await pinning.pin(7, 1)
    account = Account(replace(ADA, pinned_tweet_id=1), 2, mark, former)
    assert await users.find(7) == account
    renamed = replace(account, user=replace(account.user, handle="ada_b"), revision=3)
    assert await users.replace(account, renamed)
    assert await pinned(users) == 1
    await users.delete(7, 9, b"event")
    with pytest.raises(NotFoundError):
        await pinning.unpin(7, 1)


async def test_of_many_at_once_the_row_has_one(
    users: RowUserStore, tweets: Tweets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.user.pinning.MAX_CHANGE_ATTEMPTS", 1_000)
    tweets.by |= dict.fromkeys(range(100, 100 + MANY), 7)
    processes = [Pinning(users, tweets) for _ in range(3)]
    await asyncio.gather(
        *(processes[each % 3].pin(7, each) for each in range(100, 100 + MANY)),
        *(processes[each % 3].unpin(7, 1) for each in range(MANY)),
    )
    account = await users.find(7)
    assert account is not None
    assert account.user.pinned_tweet_id in tweets.by
    # Each write is one that was asked for.
    assert account.revision == MANY


async def test_readers_are_shown_what_is_there_for_them(
    users: RowUserStore, tweets: Tweets, pinning: Pinning
) -> None:
    await pinning.pin(7, 1)
    await pinning.pin(8, 3)
    tweets.asked.clear()
    everybody = list((await users.get([7, 8])).values())
    assert await pinning.shown(5, everybody) == {7: 1, 8: 3}
    # One call for all, and none where there is nothing to ask about.
    assert [(reader, sorted(ids)) for reader, ids in tweets.asked] == [(5, [1, 3])]
    assert await pinning.shown(5, [ADA, BOB]) == await pinning.shown(5, []) == {}
    assert len(tweets.asked) == 1
    tweets.hidden.add((5, 1))
    assert await pinning.shown(5, everybody) == {8: 3}
    assert await pinning.shown(0, everybody) == {7: 1, 8: 3}
    del tweets.by[3]
    # What is somebody else's, whoever wrote the row so.
    tweets.by[1] = 8
    assert await pinning.shown(0, everybody) == {}
    tweets.fails = True
    assert await pinning.shown(0, everybody) == {}


@pytest.mark.parametrize("odd", [b'"1"', b"-1", b"1e99", b"[]"])
async def test_a_row_that_says_no_id_cannot_be_read(
    store: RowStore, users: RowUserStore, odd: bytes
) -> None:
    body = b'{"handle":"ada","display_name":"Ada","created_at_ms":1,"pinned_tweet_id":%b}' % odd
    await store.mutate([RowMutation(USERS.name, user_row_key(7), {b"body": body})])
    assert await users.get([7, 8]) == {8: BOB}
