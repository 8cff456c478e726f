"""Conversations as readers see them, on both engines."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.rows.port import RowMutation
from services.tweet import conversation, conversation_page
from services.tweet.keys import reply_row_key
from services.tweet.lineage import MAX_ANCESTORS
from services.tweet.reply_trees import (
    FEW_ROWS,
    FURTHER_ROWS,
    FURTHER_SCANS,
    MAX_REPLIES,
    NESTED_REPLIES,
)
from services.tweet.spec import REPLIES, TABLES
from tests.contract.conversation_world import ADA, BOB, CYD, NOBODY, World, ids, shape
from tests.contract.row_engines import bigtable_emulator, open_rows

__all__ = ["bigtable_emulator"]


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield World(opened)


async def test_a_tweet_comes_with_all_around_it(world: World) -> None:
    root, answer, middle = await world.chain(3)
    first, second = await world.posts([middle, middle], BOB)
    below = await world.post(first)
    await world.post(root, CYD)  # beside the line of answers
    page = await world.read(middle)
    assert (page.tweet.tweet_id, ids(page.ancestors)) == (middle, [root, answer])
    assert (shape(page.threads), page.resume_before) == ([second, (first, [below])], None)
    assert {page.tweet.conversation_id, *(each.conversation_id for each in page.ancestors)} == {
        root
    }
    alone = await world.read(await world.post())
    assert (alone.ancestors, alone.threads, alone.resume_before) == ((), (), None)


async def test_replies_under_replies_are_the_newest_three_on_two_levels(world: World) -> None:
    root = await world.post()
    direct = await world.post(root)
    four = await world.posts([direct] * 4)
    deep = await world.post(four[-1])
    await world.post(deep)  # beyond the last level
    (thread,) = (await world.read(root)).threads
    assert shape([thread]) == [(direct, [(four[3], [deep]), four[2], four[1]])]
    assert (thread.has_more, [each.has_more for each in thread.replies]) == (True, [False] * 3)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_have_each_direct_reply_once_the_newest_first(world: World, limit: int) -> None:
    root = await world.post()
    replies = await world.posts([root] * 7)
    pages = await world.pages(root, limit)
    assert [each for page in pages for each in page] == replies[::-1]
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert pages[-1]


async def test_a_deleted_tweet_leaves_no_trace(world: World) -> None:
    root, answer, middle = await world.chain(3)
    gone, kept = await world.posts([middle, middle], BOB)
    await world.post(gone)
    for each in (answer, gone):
        await world.tweets.delete(each)
    page = await world.read(middle)
    assert (ids(page.ancestors), shape(page.threads)) == ([root], [kept])
    # What was under it can be read by itself, and goes on to know its conversation.
    later = await world.tweets.get(await world.post(middle), 0)
    assert later.conversation_id == root
    await world.tweets.delete(middle)
    with pytest.raises(NotFoundError, match="tweet_id"):
        await world.read(middle)


async def test_pages_are_full_where_deleted_replies_stand_between(world: World) -> None:
    root = await world.post()
    replies = await world.posts([root] * 12)
    for each in replies[2:10]:
        await world.tweets.delete(each)
    assert await world.pages(root, 2) == [replies[:-3:-1], replies[1::-1]]


async def test_a_create_that_is_replayed_brings_no_deleted_reply_back(world: World) -> None:
    root = await world.post()
    reply = await world.tweets.get(await world.post(root), 0)
    await world.tweets.delete(reply.tweet_id)
    await world.store.create(reply, b"again")
    await world.replies.add([reply])
    assert (await world.read(root)).threads == ()


async def test_hidden_authors_are_left_out_and_what_is_under_their_replies(world: World) -> None:
    root = await world.post(author=BOB)
    middle = await world.post(root, CYD)
    of_bob, of_ada = await world.post(middle, BOB), await world.post(middle, ADA)
    under = await world.post(of_bob, ADA)
    beside = await world.post(of_ada, BOB)
    world.relations.muted = {BOB}
    page = await world.read(middle)
    assert (ids(page.ancestors), shape(page.threads)) == ([], [of_ada])
    # Of one that is asked for by its id the author does not matter.
    assert shape((await world.read(of_bob)).threads) == [under]
    # Nobody hides from themselves.
    world.relations.asked.clear()
    assert shape((await world.read(middle, reader=BOB)).threads) != []
    assert world.relations.asked == [frozenset({(BOB, ADA), (BOB, CYD)})]
    assert beside


async def test_the_nearest_ancestors_are_shown(world: World) -> None:
    chain = await world.chain(MAX_ANCESTORS + 3)
    page = await world.read(chain[-1])
    assert ids(page.ancestors) == chain[-1 - MAX_ANCESTORS : -1]
    assert page.tweet.conversation_id == chain[0]


async def test_replies_of_the_release_before_are_climbed(world: World) -> None:
    root = await world.post()
    older = [root, *(number << 22 for number in (1_000, 1_001, 1_002))]
    for answered, each in itertools.pairwise(older):
        await world.as_before(each, BOB, answered)
    last = await world.post(older[-1])
    page = await world.read(last)
    # Nobody kept which conversation it was.
    assert (ids(page.ancestors), page.tweet.conversation_id) == (older, 0)
    assert (await world.tweets.get(root, 0)).conversation_id == root
    assert ids((await world.read(older[-1])).ancestors) == older[:-1]


async def test_a_repeat_says_the_same_though_what_it_answers_is_gone(world: World) -> None:
    root, answer = await world.chain(2)
    first = await world.tweets.create(BOB, "hi", in_reply_to=answer, request_id="r")
    await world.tweets.delete(answer)
    again = await world.tweets.create(BOB, "hi", in_reply_to=answer, request_id="r")
    assert (again, again.conversation_id) == (first, root)


async def test_who_or_what_does_not_exist_is_not_found(world: World) -> None:
    root = await world.post()
    for field, read in (
        ("tweet_id", world.read(NOBODY)),
        ("user_id", world.read(root, reader=NOBODY)),
    ):
        with pytest.raises(NotFoundError, match=field):
            await read
    for field, read in (("tweet_id", world.read(0)), ("user_id", world.read(root, reader=-1))):
        with pytest.raises(InvalidArgumentError, match=field):
            await read


async def test_a_reply_that_cannot_be_read_is_left_out(world: World) -> None:
    root = await world.post()
    reply = await world.post(root)
    for number, cell in enumerate((b"", b"nobody", b"-1", b"0", b"9" * 30)):
        key = reply_row_key(root, (1 << 50) + number)
        await world.rows.mutate([RowMutation(REPLIES.name, key, {b"author": cell})])
    odd = reply_row_key(root, reply)[:-1] + b"z"
    await world.rows.mutate([RowMutation(REPLIES.name, odd, {b"author": b"7"})])
    assert await world.pages(root, 1) == [[reply]]


async def test_no_more_texts_are_read_than_a_page_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await world.post()
    replies = await world.posts([root] * 7)
    below = await world.post(replies[-1])
    monkeypatch.setattr(conversation_page, "READ_TOGETHER", 3)
    assert await world.pages(root, 5) == [replies[:1:-1], replies[1::-1]]
    monkeypatch.setattr(conversation, "PAGE_BYTES", 1)
    page = await world.read(root)
    assert (shape(page.threads), page.resume_before) == (
        [(replies[6], [below]), replies[5]],
        replies[5],
    )
    # The newest with what is under it, and one; then three by three.
    assert [len(part) for part in await world.pages(root, 50)] == [2, 3, 2]


async def test_one_deleted_reply_costs_few_rows_more(world: World) -> None:
    root = await world.post()
    replies = await world.posts([root] * 12)
    await world.tweets.delete(replies[-1])
    world.rows.rows_asked = 0
    page = await world.read(root, limit=3)
    assert ids(each.tweet for each in page.threads) == replies[-2:-5:-1]
    under = 3 * (NESTED_REPLIES + 1)
    assert world.rows.rows_asked <= 4 + 3 + FEW_ROWS + under


async def test_work_is_bounded_however_many_replies_there_are(world: World) -> None:
    root = await world.post()
    many = 2_000
    rows = [
        RowMutation(REPLIES.name, reply_row_key(root, number << 22), {b"author": b"7"})
        for number in range(1_000, 1_000 + many)
    ]
    await world.rows.mutate(rows)
    world.rows.reads = world.rows.rows_asked = 0
    page = await world.read(root, limit=200)
    assert page.resume_before == (1_000 + many - 200) << 22
    # The tweet, its replies, two levels below, all their tweets.
    assert world.rows.reads <= 5
    assert world.rows.rows_asked <= 201 + MAX_REPLIES // NESTED_REPLIES * (NESTED_REPLIES + 1)
    deleted = [RowMutation(row.table, row.key, {b"deleted": b"1"}) for row in rows]
    await world.rows.mutate(deleted)
    world.rows.reads = world.rows.rows_asked = 0
    await world.read(root, limit=200)
    assert world.rows.reads <= 2 + FURTHER_SCANS
    assert world.rows.rows_asked <= 201 + FURTHER_SCANS * FURTHER_ROWS
    assert await world.pages(root, 200)  # they come to an end
