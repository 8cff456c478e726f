"""Ids that are known to name something: asked for once, and never after they are gone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from services.platform.errors import UnavailableError
from services.platform.ids.known_ids import KNOWN_FOR_MS, KnownIds


@dataclass
class Directory:
    there: set[int]
    asked: list[list[int]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    async def missing(self, ids: Sequence[int]) -> list[int]:
        self.asked.append(list(ids))
        missing = [each for each in ids if each not in self.there]
        self.meanwhile()
        return missing


@pytest.fixture
def directory() -> Directory:
    return Directory({1, 2, 3})


async def test_what_is_there_is_asked_for_once(directory: Directory) -> None:
    known = KnownIds(directory.missing)
    known.open()
    assert await known.missing([1, 9, 2]) == [9]
    assert await known.missing([2, 3, 1]) == []
    assert await known.missing([1, 2, 3]) == []
    assert directory.asked == [[1, 9, 2], [3]]


async def test_what_is_not_there_is_asked_for_each_time(directory: Directory) -> None:
    known = KnownIds(directory.missing)
    known.open()
    assert await known.missing([9]) == [9]
    directory.there.add(9)
    assert await known.missing([9]) == []


async def test_nothing_is_kept_while_nobody_listens(directory: Directory) -> None:
    known = KnownIds(directory.missing)
    await known.missing([1])
    await known.missing([1])
    known.open()
    await known.missing([1])
    known.close()
    directory.there.remove(1)
    assert await known.missing([1]) == [1]
    assert directory.asked == [[1]] * 4


async def test_what_is_announced_as_gone_is_asked_for_again(directory: Directory) -> None:
    known = KnownIds(directory.missing)
    known.open()
    await known.missing([1, 2])
    directory.there.remove(1)
    known.gone(1)
    assert await known.missing([1, 2]) == [1]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unheard"])
async def test_an_answer_overtaken_by_a_deletion_is_not_kept(
    directory: Directory, *, announced: bool
) -> None:
    known = KnownIds(directory.missing)
    known.open()

    def delete() -> None:
        directory.there.remove(1)
        if announced:
            known.gone(1)
        else:
            known.close()
            known.open()

    directory.meanwhile = delete
    # It was there when it was asked for, and gone when the answer came.
    assert await known.missing([1]) == []
    directory.meanwhile = lambda: None
    assert await known.missing([1]) == [1]


async def test_what_was_asked_before_deletions_are_heard_is_not_kept(directory: Directory) -> None:
    known = KnownIds(directory.missing)

    def delete() -> None:
        directory.there.remove(1)
        known.open()

    directory.meanwhile = delete
    assert await known.missing([1]) == []
    directory.meanwhile = lambda: None
    assert await known.missing([1]) == [1]


async def test_nothing_is_believed_for_longer_than_said(directory: Directory) -> None:
    now_s = [0.0]
    known = KnownIds(directory.missing, now_s=lambda: now_s[0])
    known.open()
    await known.missing([1])
    directory.there.remove(1)  # of which nobody hears
    while await known.missing([1]) == []:
        now_s[0] += 1.0
    assert 0 < now_s[0] <= KNOWN_FOR_MS / 1_000


async def test_no_more_is_kept_than_there_is_room_for(directory: Directory) -> None:
    directory.there = set(range(1, 1_001))
    known = KnownIds(directory.missing, generation_ids=10)
    known.open()
    for each in range(1, 1_001):
        await known.missing([each])
    directory.asked.clear()
    await known.missing(range(1, 1_001))
    assert len(directory.asked[0]) >= 1_000 - 2 * 10
    assert await known.missing([1_000]) == []


async def test_errors_are_passed_on() -> None:
    async def fails(_ids: Sequence[int]) -> list[int]:
        raise UnavailableError("gone")

    known = KnownIds(fails)
    known.open()
    with pytest.raises(UnavailableError):
        await known.missing([1])
