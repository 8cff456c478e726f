"""The graph service: who follows whom."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from weakref import WeakValueDictionary

from services.errors import InvalidArgumentError, NotFoundError, UnavailableError
from services.graph.model import EdgeChange, FollowerPage, RelationCounts
from services.graph.ports import FollowEvents, GraphStore, IdSource, UserDirectory

__all__ = ["MAX_IDS_PER_LOOKUP", "MAX_PAGE_SIZE", "GraphService"]

MAX_IDS_PER_LOOKUP = 1000
"""Counts per call; answers stay under 30 kB."""

MAX_PAGE_SIZE = 1000
"""Followers per page: one fanout job's worth."""

_log = logging.getLogger(__name__)


class GraphService:
    """The use cases of the graph service. For one event loop."""

    def __init__(
        self, store: GraphStore, users: UserDirectory, ids: IdSource, events: FollowEvents
    ) -> None:
        self._store = store
        self._users = users
        self._ids = ids
        self._events = events
        # A lock lives as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        # Edges whose last change failed: it may yet take effect, so what the store says of them
        # cannot be relied on. Few, as an engine that is down fails the read before the change.
        self._in_doubt: set[tuple[int, int]] = set()
        self._changes: set[asyncio.Task[None]] = set()

    async def follow(self, follower_id: int, followee_id: int) -> None:
        """Follow a user; does nothing, and tells nobody, if that is so already.

        Raises `InvalidArgumentError` for ids that are not positive or the same, `NotFoundError`
        (`USER_NOT_FOUND`) if either names nobody.
        """
        _check_edge(follower_id, followee_id)
        if follower_id == followee_id:
            raise InvalidArgumentError("followee_id", "must not be the follower")
        missing = await self._users.missing([follower_id, followee_id])
        if missing:
            raise NotFoundError(
                f"user {missing[0]} does not exist",
                reason="USER_NOT_FOUND",
                metadata={"user_id": str(missing[0])},
            )
        await self._change(follower_id, followee_id, following=True)

    async def unfollow(self, follower_id: int, followee_id: int) -> None:
        """Stop following a user; does nothing, and tells nobody, if that is so already.

        Raises `InvalidArgumentError` for ids that are not positive.
        """
        _check_edge(follower_id, followee_id)
        await self._change(follower_id, followee_id, following=False)

    async def relations(self, user_id: int) -> list[int]:
        """Everybody the user follows, increasing; nobody for a user who does not exist.

        Raises `InvalidArgumentError` for an id that is not positive.
        """
        _check_id("user_id", user_id)
        return await self._store.following(user_id)

    async def stream_followers(self, user_id: int, page_size: int) -> AsyncIterator[FollowerPage]:
        """Pages of at most `page_size` followers (1 to `MAX_PAGE_SIZE`), none of them empty.

        Whoever follows throughout the stream comes exactly once; who begins or stops meanwhile
        may or may not. A stream read to its end corrects the follower count. Raises
        `InvalidArgumentError` beyond the limits.
        """
        _check_id("user_id", user_id)
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgumentError("page_size", f"must be 1 to {MAX_PAGE_SIZE}")
        # Read before the followers, so that a count changed meanwhile is noticed and left alone.
        seen = (await self._store.follower_counts([user_id])).get(user_id)
        followed = frozenset(await self._store.following(user_id))
        exact = 0
        after: int | None = None
        while True:
            part = await self._store.followers(user_id, after=after, limit=page_size)
            ids = part.follower_ids
            exact += len(ids)
            if ids:
                yield FollowerPage(
                    close_friend_ids=tuple(one for one in ids if one in followed),
                    other_ids=tuple(one for one in ids if one not in followed),
                )
            after = part.resume_after
            if after is None:
                break
        if exact != (seen or 0):
            await self._correct(user_id, seen, exact)

    async def counts(self, user_ids: Sequence[int]) -> list[RelationCounts]:
        """Count followers of 1 to `MAX_IDS_PER_LOOKUP` users, in the order asked for; 0 for nobody.

        Raises `InvalidArgumentError` beyond the limits or for an id that is not positive.
        """
        if not 1 <= len(user_ids) <= MAX_IDS_PER_LOOKUP:
            raise InvalidArgumentError("user_ids", f"must be 1 to {MAX_IDS_PER_LOOKUP} ids")
        if min(user_ids) <= 0:
            raise InvalidArgumentError("user_ids", "must all be positive")
        stored = await self._store.follower_counts(list(dict.fromkeys(user_ids)))
        # A lost increment before a decrement leaves the counter below 0 until it is corrected.
        return [RelationCounts(user_id, max(0, stored.get(user_id, 0))) for user_id in user_ids]

    async def _change(self, follower_id: int, followee_id: int, *, following: bool) -> None:
        # A caller that gives up must not let go of the lock while its write is under way.
        change = asyncio.create_task(
            self._serialised(follower_id, followee_id, following=following)
        )
        self._changes.add(change)
        change.add_done_callback(self._changes.discard)
        await asyncio.shield(change)

    async def _serialised(self, follower_id: int, followee_id: int, *, following: bool) -> None:
        edge = (follower_id, followee_id)
        lock = self._locks.setdefault(follower_id, asyncio.Lock())
        async with lock:
            known = edge not in self._in_doubt
            if known and await self._store.is_following(*edge) == following:
                return
            # The id is taken under the lock, so that changes get their times in the order made.
            change = EdgeChange(await self._ids.next_id(), *edge, following)
            event = self._events.encode(*edge, following)
            self._in_doubt.add(edge)
            await self._store.commit(change, event)
            self._in_doubt.discard(edge)
        await self._count(followee_id, 1 if following else -1)

    async def _count(self, user_id: int, delta: int) -> None:
        try:
            await self._store.add_to_follower_count(user_id, delta)
        except UnavailableError as error:
            # The change itself is made; the next complete stream puts the count right.
            _log.warning("the follower count of user %d is off by %d: %s", user_id, delta, error)

    async def _correct(self, user_id: int, seen: int | None, exact: int) -> None:
        try:
            await self._store.correct_follower_count(user_id, seen, exact)
        except UnavailableError as error:
            _log.warning("the follower count of user %d stays off: %s", user_id, error)


def _check_edge(follower_id: int, followee_id: int) -> None:
    _check_id("follower_id", follower_id)
    _check_id("followee_id", followee_id)


def _check_id(field: str, number: int) -> None:
    if number <= 0:
        raise InvalidArgumentError(field, "must be positive")
