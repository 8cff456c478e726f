"""Which notification what somebody did belongs to, whatever order it is heard of in.

Pure: from how a group stands and what is new, how it stands then. Whoever joins a group stays in
the day when they first did, also if they take it back and do it again: so nobody can ring twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from services.notification.ages import KEPT_DAYS
from services.notification.keys import group_position
from services.notification.model import (
    NEWEST_SHOWN,
    Days,
    Deed,
    Group,
    GroupKey,
    Member,
    day_of,
)
from services.platform.runtime.clock import CLOCK_SKEW_MS

__all__ = ["NEWEST_KEPT", "grown", "is_short", "refilled"]

NEWEST_KEPT: Final = 2 * NEWEST_SHOWN
"""Actors who are kept with a group, so that some may take it back before others must be looked for.
It is all that a page reads of a group, however many have joined."""


def grown(
    key: GroupKey,
    before: Days,
    known: Mapping[int, Member],
    deeds: Iterable[Deed],
    now_ms: int,
) -> tuple[Days, dict[int, Member]]:
    """Give how the groups of a key stand after these deeds, and the members that changed.

    What is known already, or is older than that, changes nothing; so each deed may come again, and
    in any order. `known` has what is stored of the deeds' actors.
    """
    oldest, latest_ms = day_of(now_ms) - KEPT_DAYS, now_ms + CLOCK_SKEW_MS
    days = before
    changed: dict[int, Member] = {}
    for deed in sorted(deeds, key=lambda each: each.at_ms):
        member = changed.get(deed.actor_id) or known.get(deed.actor_id)
        if member is None and (deed.if_known or day_of(deed.at_ms) < oldest):
            continue
        if member is not None and deed.at_ms <= member.changed_ms:
            continue
        joined_ms = member.joined_ms if member is not None else 0
        stood = member is not None and member.standing
        if deed.standing and not stood and day_of(joined_ms) < oldest:
            # For the first time, or all that was told of it is gone by now. What a clock that is
            # ahead has dated is told as of now: no place in time to come can be marked as read.
            joined_ms = min(deed.at_ms, latest_ms)
        changed[deed.actor_id] = Member(deed.standing, deed.at_ms, joined_ms)
        if deed.standing and not stood:
            days = _joined(key, days, deed.actor_id, joined_ms)
        elif stood and not deed.standing:
            days = _parted(days, deed.actor_id, joined_ms)
    if changed:
        for day in [day for day in days.days if day < oldest]:
            days = days.moved(day, None)
    return days, changed


def is_short(group: Group) -> bool:
    """Whether a group has lost so many of its newest that others must be looked for."""
    return len(group.newest) < min(group.count, NEWEST_SHOWN)


def refilled(group: Group, day: int, members: Mapping[int, Member]) -> Group:
    """Give the group with the newest of those whom it has, and of these members of its day."""
    found = {
        actor_id: member.joined_ms
        for actor_id, member in members.items()
        if member.standing and day_of(member.joined_ms) == day
    }
    return replace(group, newest=_newest([*{**dict(group.newest), **found}.items()]))


def _joined(key: GroupKey, days: Days, actor_id: int, joined_ms: int) -> Days:
    day = day_of(joined_ms)
    position = group_position(key, joined_ms, days.serial)
    group = days.days.get(day)
    if group is None:
        return days.moved(day, Group(position, 1, ((actor_id, joined_ms),)))
    newest = _newest([*group.newest, (actor_id, joined_ms)])
    if len(group.newest) < group.count and newest[-1:] == ((actor_id, joined_ms),):
        # Others come before this one who are not kept here.
        newest = group.newest
    return days.moved(day, Group(max(group.position, position), group.count + 1, newest))


def _parted(days: Days, actor_id: int, joined_ms: int) -> Days:
    day = day_of(joined_ms)
    group = days.days.get(day)
    if group is None:
        # Past the days that are kept.
        return days
    if group.count <= 1:
        return days.moved(day, None)
    newest = tuple(each for each in group.newest if each[0] != actor_id)
    return days.moved(day, replace(group, count=group.count - 1, newest=newest))


def _newest(members: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    ordered = sorted(members, key=lambda each: (-each[1], each[0]))
    return tuple(ordered[:NEWEST_KEPT])
