"""Rules: what of a reader's list is shown. Pure functions."""

from collections.abc import Mapping
from dataclasses import replace

from services.notification.model import NEWEST_SHOWN, Entry, Group, Kind, Notification, Standing
from services.platform.ids.snowflake_time import time_ms

__all__ = ["drafted", "with_users", "with_visible_actors"]


def drafted(entry: Entry, groups: Mapping[int, Group]) -> Notification | None:
    """Give what an entry says; None for one of a place that its group has left.

    `groups` are those of the entry's kind and tweet, by position.
    """
    actors: tuple[int, ...] = (entry.author_id,)
    count = 1
    if entry.kind.is_grouped:
        group = groups.get(entry.position)
        if group is None:
            return None
        actors = tuple(actor_id for actor_id, _ in group.newest[:NEWEST_SHOWN])
        count = group.count
    # The time of a position is that of the tweet, or of whoever joined the group last.
    at_ms = time_ms(entry.position)
    return Notification(entry.position, entry.kind, entry.tweet_id, at_ms, actors, count)


def with_visible_actors(
    notification: Notification, standings: Mapping[int, Standing]
) -> Notification | None:
    """Leave out actors whom the reader does not see; None where nobody who is known is left.

    Of follows and requests, those too who follow or ask no longer: an account that is deleted ends
    both.
    """

    def is_visible(actor_id: int) -> bool:
        standing = standings[actor_id]
        return not standing.hidden and _stands(notification.kind, standing)

    return _of(notification, tuple(filter(is_visible, notification.actor_ids)))


def with_users(notification: Notification, users: Mapping[int, bytes]) -> Notification | None:
    """Leave out actors who are deleted; None where nobody who is known is left."""
    return _of(notification, tuple(one for one in notification.actor_ids if one in users))


def _stands(kind: Kind, standing: Standing) -> bool:
    match kind:
        case Kind.FOLLOW:
            return standing.followed
        case Kind.REQUEST:
            return standing.requested
        case _:
            return True


def _of(notification: Notification, actors: tuple[int, ...]) -> Notification | None:
    if not actors:
        return None
    left_out = len(notification.actor_ids) - len(actors)
    count = notification.actor_count - left_out
    return replace(notification, actor_ids=actors, actor_count=count)
