"""The ids next above one, of lists that are read from their newest id down."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import neg

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.platform.ids.model import MAX_ID
from services.platform.ids.upwards import LOOK_IDS, MOST_LOOKS, WALKED_IDS, Upwards

SPARE = 7
MOST_ROUNDS = 50


class Listed:
    """A list, as stores read it; `looks` are counted."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = sorted(ids, reverse=True)
        self.looks: list[int | None] = []

    async def below(self, before: int | None, count: int) -> tuple[Sequence[int], bool]:
        self.looks.append(before)
        start = 0 if before is None else bisect_right(self.ids, -before, key=neg)
        found = self.ids[start : start + count + SPARE]
        return found, start + len(found) == len(self.ids)

    def above(self, after: int, count: int) -> Sequence[int]:
        end = bisect_left(self.ids, -after, key=neg)
        return self.ids[max(0, end - count) : end]


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Ids that stand densely here and there: bursts, with pauses of any length between."""
    ids: set[int] = set()
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(1, MAX_ID))
        step = draw(st.sampled_from([1, 2, 1_000, 1 << 22, 1 << 40]))
        many = draw(st.integers(1, 700))
        ids.update(one for one in range(start, start + many * step, step) if one <= MAX_ID)
    return sorted(ids)


@settings(deadline=None)
@given(
    ids=clustered(),
    place=st.integers(0, 4_000),
    count=st.sampled_from([1, 2, 50, 200]),
    off=st.integers(0, 1),
)
@example(ids=[*range(1, 2_000), *range(1 << 60, (1 << 60) + WALKED_IDS)], place=0, count=1, off=0)
async def test_a_walk_up_meets_each_id_once(
    ids: list[int], place: int, count: int, off: int
) -> None:
    listed = Listed(ids)
    after = ids[place % len(ids)] - off if ids else place
    wanted = [one for one in listed.ids if one > after]
    met: list[int] = []
    upwards = Upwards(listed.below)
    for _ in range(MOST_ROUNDS):
        found = await upwards.above(after, count)
        assert list(found.ids) == listed.above(after, len(found.ids)), "those next to it"
        met = [*found.ids, *met]
        if found.ended:
            break
        assert found.ids
        after = found.ids[0]
    assert met == wanted[len(wanted) - len(met) :]
    assert found.ended == (len(met) == len(wanted))


async def test_what_is_new_costs_one_look() -> None:
    listed = Listed(range(1, 10_000))
    assert await Upwards(listed.below).above(9_990, 50) == (listed.ids[:9], True)
    assert listed.looks == [None]


async def test_far_below_the_top_a_few_looks_are_enough() -> None:
    """Also where the ids stand ten thousand times as densely as at the top."""
    dense = range(1 << 50, (1 << 50) + 10_000_000, 100)
    listed = Listed([*dense, *range(1 << 51, (1 << 51) + 1_000_000_000, 1_000_000)])
    found = await Upwards(listed.below).above(dense[70_000], 50)
    assert list(found.ids) == list(dense[70_050:70_000:-1])
    assert len(listed.looks) <= WALKED_IDS // LOOK_IDS + 12


async def test_a_second_round_goes_on_with_what_is_known() -> None:
    listed = Listed(range(1, 400))
    upwards = Upwards(listed.below)
    first = await upwards.above(200, 50)
    looks = len(listed.looks)
    assert (await upwards.above(first.ids[0], 50)).ids == listed.above(250, 50)
    assert len(listed.looks) == looks


async def test_a_list_that_never_holds_still_ends_the_search() -> None:
    """Nearer than so many ids there are none; further, more than were asked for."""

    async def below(before: int | None, count: int) -> tuple[Sequence[int], bool]:
        top = MAX_ID if before is None else before - 1
        if before is not None and before < 1 << 40:
            return [], True
        return range(top, top - count, -1), False

    found = await Upwards(below).above(5, 50)
    assert (found.ids, found.ended) == ((), False)
    assert MOST_LOOKS > 63
