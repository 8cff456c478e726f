"""Words that users mute, on every row engine, by many processes at once."""

import asyncio

import pytest
import pytest_asyncio

from services.graph.model import MutedWord
from services.graph.muted_word_rows import RowMutedWords
from services.graph.relation_reads import MAX_EDGES
from services.graph.spec import MUTED_WORDS, OUTBOX, TABLES
from services.platform.error_reasons import Reason
from services.platform.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from services.platform.muting.words import MAX_MUTED_WORDS, MAX_WORD_CHARS
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.newer_rows import NewerRows, says_more
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import MovableClock, World

__all__ = ["bigtable_emulator", "store"]

ADA, BOB, NOBODY = 1, 2, 1_000
TRIES = 60
"""Of a change that others race for; each is repeated as a client would."""


@pytest.fixture(autouse=True)
def _graph_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    return World(store, MovableClock())


@pytest_asyncio.fixture
async def other(store: RowStore) -> World:
    """Another process on the same rows."""
    return World(store, MovableClock())


async def said(world: World, user: int = ADA) -> list[str]:
    return [each.word for each in await world.muted_words.all_of(user)]


async def test_words_are_kept_once_in_order_and_per_user(one: World, other: World) -> None:
    first = await one.muted_words.add(ADA, "  Caf\u00e9   au lait ")
    assert first == MutedWord("Caf\u00e9 au lait", one.clock.ms)
    other.clock.ms += 5
    assert await other.muted_words.add(ADA, "CAFE AU LAIT!") == first
    await other.muted_words.add(ADA, "#fox")
    await one.muted_words.add(ADA, "fox")
    await one.muted_words.add(BOB, "owl")
    for world in (one, other):
        assert await said(world) == ["Caf\u00e9 au lait", "#fox", "fox"]
        assert await said(world, BOB) == ["owl"]
    await one.muted_words.remove(ADA, "#FOX")
    await one.muted_words.remove(ADA, "#FOX")
    assert await said(other) == ["Caf\u00e9 au lait", "fox"]
    for word in ("fox", "cafe au lait"):
        await other.muted_words.remove(ADA, word)
    assert await said(one) == []
    await one.muted_words.add(ADA, "fox")
    assert await said(other) == ["fox"]


async def test_a_change_is_told_before_it_is_answered_also_when_repeated(one: World) -> None:
    await one.muted_words.add(ADA, "fox")
    assert one.forgotten == [{ADA}]
    assert await one.events() == [["changed", [ADA]]]
    await one.muted_words.add(ADA, "FOX")
    await one.muted_words.remove(ADA, "owl")
    assert one.forgotten == [{ADA}] * 3
    assert await one.events() == [["changed", [ADA]]], "nothing changed"
    await one.muted_words.remove(ADA, "fox")
    assert one.forgotten == [{ADA}] * 4
    assert await one.events() == [["changed", [ADA]]] * 2


async def test_no_race_makes_more_than_there_may_be(one: World, other: World) -> None:
    words = tuple(
        MutedWord(f"{number:03d}".ljust(MAX_WORD_CHARS, "x"), 1)
        for number in range(MAX_MUTED_WORDS - 2)
    )
    assert await one.words.replace_muted_words(ADA, (), words)

    async def add(world: World, number: int) -> bool:
        for _ in range(TRIES):
            try:
                await world.muted_words.add(ADA, f"w{number}")
            except FailedPreconditionError:
                return False
            except UnavailableError:
                continue
            return True
        raise AssertionError

    done = await asyncio.gather(*(add((one, other)[n % 2], n) for n in range(8)))
    assert sum(done) == 2
    assert len(await said(other)) == MAX_MUTED_WORDS
    await one.muted_words.add(ADA, "w" + str(done.index(True)))
    with pytest.raises(FailedPreconditionError) as refused:
        await one.muted_words.add(ADA, "one more")
    assert refused.value.reason is Reason.TOO_MANY_MUTED_WORDS
    await one.muted_words.remove(ADA, words[0].word)
    await other.muted_words.add(ADA, "one more")


async def test_relations_have_them_in_the_same_read(one: World) -> None:
    await one.muted_words.add(ADA, "fox")
    await one.muted_words.add(ADA, "owl")
    await one.follows.follow(BOB, 3)
    both = await one.store.related([ADA, BOB, 3], MAX_EDGES, MAX_EDGES)
    assert [each.words for each in both] == [("fox", "owl"), (), ()]
    assert both[1].following.ids == (3,)
    found = await one.relations.lookup([ADA, BOB])
    assert [each.relations.muted_words for each in found if each.relations] == [("fox", "owl"), ()]
    streamed = [page async for page in one.relations.stream(ADA)]
    assert [page.muted_words for page in streamed] == [("fox", "owl")]
    assert [page async for page in one.relations.stream(ADA, hidden_only=True)] == []
    assert await one.muted_words.written_by([ADA, BOB, 0, -1]) == {ADA: ["fox", "owl"]}


async def test_bad_input_is_refused_and_leaves_nothing(one: World) -> None:
    for user, word in ((0, "fox"), (-1, "fox"), (ADA, ""), (ADA, "?!"), (ADA, "x" * 101)):
        with pytest.raises(InvalidArgumentError):
            await one.muted_words.add(user, word)
        with pytest.raises(InvalidArgumentError):
            await one.muted_words.remove(user, word)
    for refused in (
        one.muted_words.add(NOBODY, "fox"),
        one.muted_words.remove(NOBODY, "fox"),
        one.muted_words.all_of(NOBODY),
    ):
        with pytest.raises(NotFoundError) as error:
            await refused
        assert error.value.reason is Reason.USER_NOT_FOUND
    assert await one.words.muted_words([ADA, NOBODY]) == {}
    assert await one.events() == []


async def test_a_damaged_row_mutes_nothing_and_is_erased(store: RowStore, one: World) -> None:
    await one.muted_words.add(BOB, "owl")
    damaged = RowMutation(MUTED_WORDS.name, user_row_key(ADA), {b"words": b"{"})
    await store.mutate([damaged])
    words = RowMutedWords(store)
    assert set(await words.muted_words([ADA, BOB])) == {BOB}
    assert [each.words for each in await one.store.related([ADA, BOB], 10, 10)] == [(), ("owl",)]
    await words.forget_muted_words(ADA)
    await words.forget_muted_words(ADA)
    assert await store.read_rows(MUTED_WORDS.name, [user_row_key(ADA)]) == {}
    assert await words.replace_muted_words(ADA, (), (MutedWord("fox", 1),))


async def test_either_of_two_versions_changes_them_in_turn(store: RowStore) -> None:
    ahead, behind = RowMutedWords(NewerRows(store)), RowMutedWords(store)  # type: ignore[arg-type]
    before: tuple[MutedWord, ...] = ()
    for turn, words in enumerate((ahead, behind, ahead, behind)):
        after = (*before, MutedWord(f"w{turn}", turn))
        assert await words.replace_muted_words(ADA, before, after)
        assert not await words.replace_muted_words(ADA, before, after)
        before = after
        assert await behind.muted_words([ADA]) == {ADA: after}
        rows = await store.read_rows(MUTED_WORDS.name, [user_row_key(ADA)])
        assert says_more(rows[user_row_key(ADA)].cells[b"words"])
    assert await behind.replace_muted_words(ADA, before, ())
    assert await store.read_rows(MUTED_WORDS.name, [user_row_key(ADA)]) == {}
