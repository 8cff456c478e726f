"""Whatever order deeds are heard of in, each actor is counted once, as it stands."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.notification.ages import DAY_MS, KEPT_DAYS
from services.notification.grouping import NEWEST_KEPT, grown, is_short, refilled
from services.notification.keys import (
    entry_column,
    entry_of,
    entry_row_key,
    expired_entries,
    group_position,
    group_row_key,
    parse_group_row_key,
)
from services.notification.model import (
    Days,
    Deed,
    Entry,
    GroupKey,
    Kind,
    Member,
    day_of,
)
from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at, time_ms
from services.platform.runtime.clock import CLOCK_SKEW_MS

KEY = GroupKey(1, Kind.LIKE, 7)
NOW_MS = EPOCH_MS + 100 * DAY_MS
DEEDS = st.lists(
    st.builds(
        lambda actor, at, standing: Deed(KEY, actor, standing, NOW_MS - at),
        st.integers(1, 40),
        st.integers(0, 3 * DAY_MS),
        st.booleans(),
    ),
    max_size=120,
    unique_by=lambda deed: (deed.actor_id, deed.at_ms),
)


def heard(batches: Sequence[Sequence[Deed]]) -> tuple[Days, dict[int, Member]]:
    """How groups stand after batches, refilled as the store does it."""
    days, members = Days(), dict[int, Member]()
    for batch in batches:
        days, changed = grown(KEY, days, members, batch, NOW_MS)
        members |= changed
        short = {day: group for day, group in days.days.items() if is_short(group)}
        full = {day: refilled(group, day, members) for day, group in short.items()}
        days = Days({**days.days, **full}, days.left, days.serial)
    return days, members


@given(deeds=DEEDS, data=st.data())
def test_any_order_ends_the_same(deeds: list[Deed], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(deeds), max_size=20)) if deeds else []
    mixed = data.draw(st.permutations([*deeds, *again]))
    size = data.draw(st.integers(1, 30))
    days, members = heard([mixed[start : start + size] for start in range(0, len(mixed), size)])
    latest = {deed.actor_id: deed for deed in sorted(deeds, key=lambda each: each.at_ms)}
    standing = {actor for actor, deed in latest.items() if deed.standing}
    assert {actor for actor, member in members.items() if member.standing} == standing
    assert sum(group.count for group in days.days.values()) == len(standing)
    for day, group in days.days.items():
        of_day = [
            (actor, members[actor].joined_ms)
            for actor in standing
            if day_of(members[actor].joined_ms) == day
        ]
        ordered = sorted(of_day, key=lambda each: (-each[1], each[0]))
        assert group.count == len(ordered) > 0
        assert list(group.newest) == ordered[: len(group.newest)]
        assert not is_short(group)
        assert len(group.newest) <= NEWEST_KEPT
        assert day_of(time_ms(group.position)) == day
    positions = [group.position for group in days.days.values()]
    assert len({*positions, *days.left}) == len(positions) + len(days.left)


def test_what_is_past_retention_is_not_told() -> None:
    old = Deed(KEY, 2, standing=True, at_ms=NOW_MS - (KEPT_DAYS + 2) * DAY_MS)
    assert grown(KEY, Days(), {}, [old], NOW_MS) == (Days(), {})
    recent = Deed(KEY, 2, standing=True, at_ms=NOW_MS)
    days, members = grown(KEY, Days(), {}, [recent], NOW_MS)
    later = NOW_MS + (KEPT_DAYS + 2) * DAY_MS
    new = Deed(KEY, 3, standing=True, at_ms=later)
    days, _ = grown(KEY, days, members, [new], later)
    assert [group.newest for group in days.days.values()] == [((3, later),)]


def test_whoever_comes_again_after_all_is_forgotten_is_told_of_anew() -> None:
    days, members = heard([[Deed(KEY, 2, standing=True, at_ms=NOW_MS)]])
    away = Deed(KEY, 2, standing=False, at_ms=NOW_MS + 20 * DAY_MS)
    days, members = grown(KEY, days, members, [away], away.at_ms)
    assert days.days == {}
    again = Deed(KEY, 2, standing=True, at_ms=NOW_MS + (KEPT_DAYS + 5) * DAY_MS)
    days, members = grown(KEY, days, members, [again], again.at_ms)
    assert [group.newest for group in days.days.values()] == [((2, again.at_ms),)]
    assert members[2].joined_ms == again.at_ms


def test_what_is_dated_ahead_is_told_as_of_now_and_orders_as_dated() -> None:
    ahead = Deed(KEY, 2, standing=True, at_ms=NOW_MS + 5 * DAY_MS)
    days, members = heard([[ahead]])
    (group,) = days.days.values()
    assert time_ms(group.position) <= NOW_MS + CLOCK_SKEW_MS
    earlier = Deed(KEY, 2, standing=False, at_ms=NOW_MS + DAY_MS)
    assert grown(KEY, days, members, [ahead, earlier], NOW_MS) == (days, {})
    later = Deed(KEY, 2, standing=False, at_ms=ahead.at_ms + 1)
    days, _ = grown(KEY, days, members, [later], NOW_MS)
    assert days.days == {}


def test_what_only_matters_if_known_makes_nothing() -> None:
    gone = Deed(KEY, 2, standing=False, at_ms=NOW_MS, if_known=True)
    assert grown(KEY, Days(), {}, [gone], NOW_MS) == (Days(), {})


@given(
    position=st.integers(1, (1 << 63) - 1),
    kind=st.sampled_from(Kind),
    tweet=st.integers(0, (1 << 63) - 1),
)
def test_keys_are_read_as_they_were_built(position: int, kind: Kind, tweet: int) -> None:
    entry = Entry(position, kind, tweet)
    assert entry_of(entry_column(entry), b"") == entry
    older = Entry(position - 1, kind, tweet)
    assert entry_column(entry) < entry_column(older)
    assert entry_row_key(1, position) <= entry_row_key(1, position - 1)
    key = GroupKey(9, kind, tweet)
    assert parse_group_row_key(group_row_key(key)) == key


def test_positions_are_of_their_time_and_differ_by_serial() -> None:
    positions = {group_position(KEY, NOW_MS, serial) for serial in range(1_000)}
    assert len(positions) == 1_000
    assert {time_ms(one) for one in positions} == {NOW_MS}


def test_expired_days_are_those_that_have_ended() -> None:
    rows = [entry_row_key(1, first_id_at(NOW_MS - days * DAY_MS)) for days in range(5)]
    keys = expired_entries(rows[0], NOW_MS - 2 * DAY_MS)
    assert [keys.start <= row < keys.end for row in rows] == [False, False, False, True, True]
