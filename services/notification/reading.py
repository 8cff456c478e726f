"""Reading notifications: entries, what they say now, and which of it is shown."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from services.notification.model import (
    Entry,
    GroupKey,
    Notification,
    NotificationPage,
    Seen,
    Unread,
)
from services.notification.ports import Entries, Graph, Groups, Tweets, UserDirectory, Users
from services.notification.rules import drafted, with_users, with_visible_actors
from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError
from services.platform.ids.arguments import check_id
from services.platform.ids.newer_pages import empty_page_after, newer_page
from services.platform.ids.snowflake_time import first_id_at
from services.platform.muting.messages import read_said
from services.platform.muting.said import muted_among
from services.platform.muting.words import MutedWords
from services.platform.runtime.clock import CLOCK_SKEW_MS, Clock
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.ports import Sights
from services.platform.visibility.seen import seen_among

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
_POSITION: Final = attrgetter("position")


@dataclass(frozen=True, slots=True)
class _Named:
    """The users and tweets that a page's notifications name, as far as the reader may see."""

    users: dict[int, bytes] = field(default_factory=dict)
    tweets: dict[int, bytes] = field(default_factory=dict)


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
        sights: Sights,
    ) -> None:
        """`known` may keep who exists; `users` says it as of now."""
        self._entries = entries
        self._groups = groups
        self._tweets = tweets
        self._users = users
        self._graph = graph
        self._known = known
        self._clock = clock
        self._sights = sights

    async def page(
        self, user_id: int, before: int | None, limit: int, *, after: int | None = None
    ) -> NotificationPage:
        """Notifications with id < `before` (None: all), newest first, `limit` of them if there are.

        With `after` those next above it instead. Raises `InvalidArgumentError` for an id that is
        not positive.
        """
        await self._check(user_id)
        if after is not None:
            return await self._newer(user_id, after, limit)
        shown, named = list[Notification](), _Named()
        read_up_to, hidden, over = 0, 0, OVER_READ
        newer_after = empty_page_after(before)
        while True:
            size = limit + 1 - len(shown) + over
            over = min(2 * over, MOST_OVER_READ)
            marked, entries = await self._entries.newest(user_id, before, size)
            read_up_to = max(read_up_to, marked)
            found = await self._drawn(user_id, entries, named)
            shown += found
            newer_after = shown[0].position if shown else newer_after
            hidden += len(entries) - len(found)
            fitting = _that_fit(shown[:limit], named)
            if len(fitting) < len(shown):
                next_before: int | None = fitting[-1].position
                break
            next_before = before = entries[-1].position if len(entries) == size else None
            if next_before is None or hidden >= MAX_HIDDEN:
                break
        return _page(fitting, named, read_up_to, next_before, newer_after)

    async def _newer(self, user_id: int, after: int, limit: int) -> NotificationPage:
        named, read_up_to = _Named(), 0
        entries = dict[int, Entry]()

        async def below(before: int | None, count: int) -> tuple[Sequence[int], bool]:
            nonlocal read_up_to
            marked, found = await self._entries.newest(user_id, before, count)
            read_up_to = max(read_up_to, marked)
            entries.update((each.position, each) for each in found)
            return [each.position for each in found], len(found) < count

        async def show(positions: Sequence[int]) -> Sequence[Notification]:
            return await self._drawn(user_id, [entries[each] for each in positions], named)

        page = await newer_page(
            below,
            show,
            after,
            limit,
            id_of=_POSITION,
            fitting=lambda found: len(_that_fit(found[::-1], named)),
            most_hidden=MAX_HIDDEN,
        )
        return _page(page.items, named, read_up_to, page.next_before, page.previous_after)

    async def _drawn(
        self, user_id: int, entries: Sequence[Entry], named: "_Named"
    ) -> list[Notification]:
        """Make what is shown of entries, and add the users and tweets to those that are named."""
        drafts, words = await self._visible(user_id, entries)
        users, tweets = await self._named(user_id, drafts, words)
        named.users.update(users)
        named.tweets.update(tweets)
        return [
            each
            for draft in drafts
            if (not draft.tweet_id or draft.tweet_id in named.tweets)
            and (each := with_users(draft, named.users)) is not None
        ]

    async def unread(self, user_id: int) -> Unread:
        """Count what is unread, up to `MAX_UNREAD`: one read of the store where there is nothing.

        Raises `InvalidArgumentError` for an id that is not positive.
        """
        await self._check(user_id)
        size = MAX_UNREAD + OVER_READ
        read_up_to, entries = await self._entries.newest(user_id, None, size)
        unread = [entry for entry in entries if entry.position > read_up_to]
        visible = await self._shown(user_id, unread) if unread else 0
        return Unread(min(visible, MAX_UNREAD), len(unread) == size or visible > MAX_UNREAD)

    async def _shown(self, user_id: int, entries: Sequence[Entry]) -> int:
        """Count what a page has of these entries: a tweet may be gone, and its message to come."""
        drafts, words = await self._visible(user_id, entries)
        named = sorted({draft.tweet_id for draft in drafts} - {0})
        found = await self._tweets.encoded(named) if named else {}
        there = await self._unmuted(user_id, found, words)
        return sum(not draft.tweet_id or draft.tweet_id in there for draft in drafts)

    async def mark_read(self, user_id: int, position: int) -> int:
        """Mark as read up to a notification id, or up to now; give up to where it is by now.

        Raises `InvalidArgumentError` for ids that are not positive.
        """
        check_id("up_to_notification_id", position)
        await self._check(user_id)
        # What comes later is not read by having been asked for before.
        now = first_id_at(self._clock.now_ms() + CLOCK_SKEW_MS)
        return await self._entries.mark_read(user_id, min(position, now))

    async def _check(self, user_id: int) -> None:
        check_id("user_id", user_id)
        if await self._known.missing([user_id]):
            raise NotFoundError(
                f"user_id: no user {user_id}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(user_id)},
            )

    async def _visible(
        self, user_id: int, entries: Sequence[Entry]
    ) -> tuple[list[Notification], MutedWords]:
        """Give what entries say, of actors whom the reader sees, and what the reader has muted.

        By one read, and one call.
        """
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
        seen = await self._graph.seen_by(user_id, sorted(actors)) if actors else Seen({})
        visible = [with_visible_actors(draft, seen.standings) for draft in drafts]
        return list(filter(None, visible)), seen.words

    async def _named(
        self, reader: int, notifications: Sequence[Notification], words: MutedWords
    ) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Read the users and tweets that notifications name, as far as the reader may see.

        Without tweets that say what the reader has muted.
        """
        user_ids = {actor_id for each in notifications for actor_id in each.actor_ids}
        tweet_ids = {each.tweet_id for each in notifications} - {0}
        users, tweets = await asyncio.gather(
            self._users.encoded(sorted(user_ids)), self._tweets.encoded(sorted(tweet_ids))
        )
        seen = await seen_among(self._sights, reader, tweets, unasked=False)
        visible = {one: tweet for one, tweet in tweets.items() if one in seen}
        return dict(users), await self._unmuted(reader, visible, words)

    async def _unmuted(
        self, reader: int, tweets: Mapping[int, EncodedTweet], words: MutedWords
    ) -> dict[int, bytes]:
        bodies = {one: tweet.body for one, tweet in tweets.items()}
        muted = await muted_among(words, reader, bodies, self._quoted, read=read_said)
        return {one: body for one, body in bodies.items() if one not in muted}

    async def _quoted(self, tweet_ids: Sequence[int]) -> dict[int, bytes]:
        found = await self._tweets.encoded(tweet_ids)
        return {one: tweet.body for one, tweet in found.items()}


def _that_fit(notifications: Sequence[Notification], named: _Named) -> list[Notification]:
    """Give the first of these whose users and tweets, each once, one answer can hold."""
    fitting = list[Notification]()
    known, size = set[int](), 0
    for each in notifications:
        # Ids are of one sequence: no user has a tweet's.
        about = {each.tweet_id: named.tweets.get(each.tweet_id, b"")}
        about |= {actor_id: named.users[actor_id] for actor_id in each.actor_ids}
        size += sum(len(about[one]) for one in about.keys() - known)
        if size > MAX_PAGE_BYTES:
            break
        known |= about.keys()
        fitting.append(each)
    return fitting


def _page(
    notifications: Sequence[Notification],
    named: _Named,
    read_up_to: int,
    next_before: int | None,
    previous_after: int,
) -> NotificationPage:
    """Put together a page, with what it names and no more."""
    actors = dict.fromkeys(one for each in notifications for one in each.actor_ids)
    about = dict.fromkeys(each.tweet_id for each in notifications if each.tweet_id)
    return NotificationPage(
        notifications=tuple(notifications),
        users={one: named.users[one] for one in actors},
        tweets={one: named.tweets[one] for one in about},
        read_up_to=read_up_to,
        next_before=next_before,
        previous_after=previous_after,
    )
