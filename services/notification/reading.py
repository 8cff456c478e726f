"""Reading notifications: entries, what they say now, and which of it is shown."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from services.notification.model import Entry, GroupKey, Notification, NotificationPage, Unread
from services.notification.ports import Entries, Graph, Groups, Tweets, UserDirectory, Users
from services.notification.rules import drafted, with_users, with_visible_actors
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.ids.arguments import check_id
from services.platform.ids.snowflake_time import time_ms
from services.platform.runtime.clock import CLOCK_SKEW_MS, Clock

__all__ = ["MAX_UNREAD", "Reading"]

OVER_READ: Final = 8
"""Entries read beyond a page, so that a few that are not shown cost no second round."""
MOST_OVER_READ: Final = 256
"""It doubles with each round up to this: a page has few rounds, however many are not shown."""
MAX_HIDDEN: Final = 1_000
"""Entries that are not shown, after which a page ends early: so much work it may be."""
MAX_UNREAD: Final = 100
"""Unread notifications counted; clients show no more than `99+`."""
MAX_PAGE_BYTES: Final = 3_500_000
"""Of the users and tweets that a page names: a channel takes 4 MiB of an answer. A page with more
ends earlier; the largest tweet has 290 kB, and a user whose name and bio are full of combining
marks 3.5 kB."""


class Reading:
    """The use cases of readers. All raise `NotFoundError` (`USER_NOT_FOUND`) for nobody."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        entries: Entries,
        groups: Groups,
        tweets: Tweets,
        users: UserDirectory,
        graph: Graph,
        *,
        known: Users,
        clock: Clock,
    ) -> None:
        """`known` may keep who exists; `users` says it as of now."""
        self._entries = entries
        self._groups = groups
        self._tweets = tweets
        self._users = users
        self._graph = graph
        self._known = known
        self._clock = clock

    async def page(self, user_id: int, before: int | None, limit: int) -> NotificationPage:
        """Notifications with id < `before` (None: all), newest first, `limit` of them if there are.

        Raises `InvalidArgumentError` for an id that is not positive.
        """
        await self._check(user_id)
        shown = list[Notification]()
        users, tweets = dict[int, bytes](), dict[int, bytes]()
        read_up_to, hidden, over = 0, 0, OVER_READ
        while True:
            size = limit + 1 - len(shown) + over
            over = min(2 * over, MOST_OVER_READ)
            marked, entries = await self._entries.newest(user_id, before, size)
            read_up_to = max(read_up_to, marked)
            drafts = await self._visible(user_id, entries)
            more_users, more_tweets = await self._named(drafts)
            users |= more_users
            tweets |= more_tweets
            found = [
                each
                for draft in drafts
                if (not draft.tweet_id or draft.tweet_id in tweets)
                and (each := with_users(draft, users)) is not None
            ]
            shown += found
            hidden += len(entries) - len(found)
            fitting = _that_fit(shown[:limit], users, tweets)
            if len(fitting) < len(shown):
                next_before: int | None = fitting[-1].position
                break
            next_before = before = entries[-1].position if len(entries) == size else None
            if next_before is None or hidden >= MAX_HIDDEN:
                break
        return _page(fitting, users, tweets, read_up_to, next_before)

    async def unread(self, user_id: int) -> Unread:
        """Count what is unread, up to `MAX_UNREAD`: one read of the store where there is nothing.

        Raises `InvalidArgumentError` for an id that is not positive.
        """
        await self._check(user_id)
        size = MAX_UNREAD + OVER_READ
        read_up_to, entries = await self._entries.newest(user_id, None, size)
        unread = [entry for entry in entries if entry.position > read_up_to]
        visible = len(await self._visible(user_id, unread)) if unread else 0
        return Unread(min(visible, MAX_UNREAD), len(unread) == size or visible > MAX_UNREAD)

    async def mark_read(self, user_id: int, position: int) -> int:
        """Mark as read up to a notification id, and give up to where it is by now.

        Raises `InvalidArgumentError` for ids that are not positive, or of a later time than now.
        """
        check_id("up_to_notification_id", position)
        await self._check(user_id)
        if time_ms(position) > self._clock.now_ms() + CLOCK_SKEW_MS:
            raise InvalidArgumentError("up_to_notification_id", "is of a time to come")
        return await self._entries.mark_read(user_id, position)

    async def _check(self, user_id: int) -> None:
        check_id("user_id", user_id)
        if await self._known.missing([user_id]):
            raise NotFoundError(
                f"user_id: no user {user_id}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(user_id)},
            )

    async def _visible(self, user_id: int, entries: Sequence[Entry]) -> list[Notification]:
        """Give what entries say, of actors whom the reader sees: one read, and one call."""
        keys = {
            entry: GroupKey(user_id, entry.kind, entry.tweet_id)
            for entry in entries
            if entry.kind.is_grouped
        }
        days = await self._groups.days(frozenset(keys.values())) if keys else {}
        positions = {key: each.positions for key, each in days.items()}
        drafts = [
            draft
            for entry in entries
            if (draft := drafted(entry, positions.get(keys[entry], {}) if entry in keys else {}))
        ]
        actors = {actor_id for draft in drafts for actor_id in draft.actor_ids}
        found = await self._graph.standings([(user_id, actor_id) for actor_id in sorted(actors)])
        standings = {actor_id: standing for (_, actor_id), standing in found.items()}
        return [each for draft in drafts if (each := with_visible_actors(draft, standings))]

    async def _named(
        self, notifications: Sequence[Notification]
    ) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Read the users and tweets that notifications name, at once."""
        user_ids = {actor_id for each in notifications for actor_id in each.actor_ids}
        tweet_ids = {each.tweet_id for each in notifications} - {0}
        users, tweets = await asyncio.gather(
            self._users.encoded(sorted(user_ids)), self._tweets.encoded(sorted(tweet_ids))
        )
        return dict(users), dict(tweets)


def _that_fit(
    notifications: Sequence[Notification], users: Mapping[int, bytes], tweets: Mapping[int, bytes]
) -> list[Notification]:
    """Give the first of these whose users and tweets, each once, one answer can hold."""
    fitting = list[Notification]()
    named, size = set[int](), 0
    for each in notifications:
        # Ids are of one sequence: no user has a tweet's.
        about = {each.tweet_id: tweets.get(each.tweet_id, b"")}
        about |= {actor_id: users[actor_id] for actor_id in each.actor_ids}
        size += sum(len(about[one]) for one in about.keys() - named)
        if size > MAX_PAGE_BYTES:
            break
        named |= about.keys()
        fitting.append(each)
    return fitting


def _page(
    notifications: Sequence[Notification],
    users: dict[int, bytes],
    tweets: dict[int, bytes],
    read_up_to: int,
    next_before: int | None,
) -> NotificationPage:
    """Put together a page, with what it names and no more."""
    actors = dict.fromkeys(one for each in notifications for one in each.actor_ids)
    about = dict.fromkeys(each.tweet_id for each in notifications if each.tweet_id)
    return NotificationPage(
        notifications=tuple(notifications),
        users={one: users[one] for one in actors},
        tweets={one: tweets[one] for one in about},
        read_up_to=read_up_to,
        next_before=next_before,
    )
