"""Reading the graph: for siblings in bulk, for people page by page."""

from collections.abc import AsyncIterator, Sequence

from services.graph.arguments import check_exist
from services.graph.counting import FollowingCounts, correct_count
from services.graph.model import (
    Edge,
    FollowerPage,
    Relation,
    RelationCounts,
    Relationship,
    Standing,
    UserPage,
    UserProfile,
)
from services.graph.ports import GraphStore, UserDirectory, Users
from services.graph.slices import Rising, Take, taking
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_id, check_ids
from services.platform.ids.slices import gather_ids

__all__ = ["MAX_IDS_PER_LOOKUP", "MAX_PAGE_SIZE", "Reads"]

MAX_IDS_PER_LOOKUP = 1000
"""Counts per call; answers stay under 30 kB."""

MAX_PAGE_SIZE = 1000
"""Followers per page: one fanout job's worth."""

OVER_READ = 8
"""Users read beyond a page, so that a few deleted ones cost no second round."""


class Reads:
    """The use cases that change nothing, except that reads of whole lists correct counts."""

    def __init__(
        self, store: GraphStore, users: UserDirectory, known: Users, counts: FollowingCounts
    ) -> None:
        """`known` may keep who exists; `users` says it as of now."""
        self._store = store
        self._users = users
        self._known = known
        self._following_counts = counts

    async def hidden_among(self, user_id: int, author_ids: Sequence[int]) -> list[int]:
        """Those of 1 to `MAX_IDS_PER_LOOKUP` users whose tweets the user does not see; rising.

        In one read, however many relations anybody has. Raises `InvalidArgumentError` beyond the
        limits or for an id that is not positive.
        """
        check_id("user_id", user_id)
        check_ids("author_ids", author_ids, most=MAX_IDS_PER_LOOKUP)
        hiding = {
            edge: author
            for author in author_ids
            for edge in (
                Edge(Relation.MUTE, user_id, author),
                *_both_ways(Relation.BLOCK, user_id, author),
            )
        }
        return sorted({hiding[edge] for edge in await self._store.standing(hiding)})

    async def relationship(self, user_id: int, target_id: int) -> Relationship:
        """How the user stands to the target.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`USER_NOT_FOUND`) if either names nobody.
        """
        check_id("user_id", user_id)
        check_id("target_id", target_id)
        await check_exist(self._known, [user_id, target_id])
        follow, followed = _both_ways(Relation.FOLLOW, user_id, target_id)
        block, blocked = _both_ways(Relation.BLOCK, user_id, target_id)
        ask, asked = _both_ways(Relation.REQUEST, user_id, target_id)
        mute = Edge(Relation.MUTE, user_id, target_id)
        edges = [follow, followed, block, blocked, mute, ask, asked]
        standing = await self._store.standing(edges)
        return Relationship(
            following=follow in standing,
            followed_by=followed in standing,
            blocking=block in standing,
            blocked_by=blocked in standing,
            muting=mute in standing,
            requested=ask in standing,
            requested_by=asked in standing,
        )

    async def standings(self, pairs: Sequence[tuple[int, int]]) -> list[Standing]:
        """How each user, the first of a pair, stands to another, in one read.

        1 to `MAX_IDS_PER_LOOKUP` pairs, in the order asked for. Raises `InvalidArgumentError`
        beyond the limits or for an id that is not positive.
        """
        check_ids("pairs", [user_id for user_id, _ in pairs], most=MAX_IDS_PER_LOOKUP)
        check_ids("pairs", [target_id for _, target_id in pairs], most=MAX_IDS_PER_LOOKUP)
        hiding = {pair: _hiding(*pair) for pair in pairs}
        follows = {pair: Edge(Relation.FOLLOW, pair[1], pair[0]) for pair in pairs}
        requests = {pair: Edge(Relation.REQUEST, pair[1], pair[0]) for pair in pairs}
        towards = [*follows.values(), *requests.values()]
        states = await self._store.states(
            (), [*towards, *(edge for edges in hiding.values() for edge in edges)]
        )
        return [
            Standing(
                hidden=any(states[edge].standing for edge in hiding[pair]),
                followed_by=states[follows[pair]].standing,
                follow_changed_ms=states[follows[pair]].written_ms,
                requested_by=states[requests[pair]].standing,
                request_changed_ms=states[requests[pair]].written_ms,
            )
            for pair in pairs
        ]

    async def list_followers(self, user_id: int, after: int | None, limit: int) -> UserPage:
        """Followers with id > `after` (None: all), `limit` of them as long as more exist.

        Deleted users are left out. Raises `InvalidArgumentError` for an id that is not positive,
        `NotFoundError` (`USER_NOT_FOUND`) for one that names nobody.
        """
        check_id("user_id", user_id)
        await check_exist(self._known, [user_id])
        return await self._page(taking(self._store.followers, user_id), after, limit)

    async def list_following(self, user_id: int, after: int | None, limit: int) -> UserPage:
        """Those followed by the user, by rising id, as `list_followers` gives followers."""
        check_id("user_id", user_id)
        await check_exist(self._known, [user_id])
        return await self._page(taking(self._store.following, user_id), after, limit)

    async def list_requesters(self, user_id: int, after: int | None, limit: int) -> UserPage:
        """Those who ask to follow the user, by rising id, as `list_followers` gives followers."""
        check_id("user_id", user_id)
        await check_exist(self._known, [user_id])
        return await self._page(taking(self._store.requesters, user_id), after, limit)

    async def stream_followers(
        self, user_id: int, page_size: int, after: int | None = None
    ) -> AsyncIterator[FollowerPage]:
        """Pages of at most `page_size` followers (1 to `MAX_PAGE_SIZE`), none of them empty.

        By rising id, from above `after` (None: all). Whoever follows throughout the stream comes
        exactly once; who begins or stops meanwhile may or may not. A stream of all that is read to
        its end corrects the follower count. Raises `InvalidArgumentError` beyond the limits.
        """
        check_id("user_id", user_id)
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgumentError("page_size", f"must be 1 to {MAX_PAGE_SIZE}")
        if after is not None:
            check_id("after_follower_id", after)
        whole = after is None
        # Read before the followers, so that a count changed meanwhile is noticed and left alone.
        seen = (await self._store.follower_counts([user_id])).get(user_id)
        followed = Rising(taking(self._store.following, user_id), after)
        exact = 0
        while True:
            batch = await self._store.followers(user_id, after=after, limit=page_size)
            exact += len(batch.ids)
            if batch.ids:
                close = await followed.among(batch.ids)
                yield FollowerPage(
                    close_friend_ids=tuple(one for one in batch.ids if one in close),
                    other_ids=tuple(one for one in batch.ids if one not in close),
                )
            after = batch.resume_after
            if after is None:
                break
        if whole and exact != (seen or 0):
            await correct_count(self._store, user_id, seen, exact)

    async def counts(self, user_ids: Sequence[int]) -> list[RelationCounts]:
        """Count the follows of 1 to `MAX_IDS_PER_LOOKUP` users, in the order asked for.

        Nobody has 0 of each. Who was never asked for before is counted by the list.
        Raises `InvalidArgumentError` beyond the limits or for an id that is not positive.
        """
        check_ids("user_ids", user_ids, most=MAX_IDS_PER_LOOKUP)
        stored = await self._store.follow_counts(list(dict.fromkeys(user_ids)))
        following = await self._following_counts.of(stored)
        # A lost increment before a decrement leaves a counter below 0 until it is corrected.
        return [
            RelationCounts(
                user_id,
                max(0, stored[user_id].followers or 0),
                max(0, following[user_id]) if user_id in following else None,
            )
            for user_id in user_ids
        ]

    async def _page(self, take: Take, after: int | None, limit: int) -> UserPage:
        found: list[UserProfile] = []
        while True:
            batch = await gather_ids(take, after, limit + 1 - len(found) + OVER_READ)
            if batch.ids:
                found += await self._users.profiles(batch.ids)
            if len(found) > limit:
                return UserPage(tuple(found[:limit]), found[limit - 1].user_id)
            if batch.resume_after is None:
                return UserPage(tuple(found), None)
            after = batch.resume_after


def _hiding(user_id: int, target_id: int) -> tuple[Edge, ...]:
    """Give the edges of which any keeps the user from seeing the target."""
    mute = Edge(Relation.MUTE, user_id, target_id)
    return (mute, *_both_ways(Relation.BLOCK, user_id, target_id))


def _both_ways(relation: Relation, user_id: int, target_id: int) -> tuple[Edge, Edge]:
    return Edge(relation, user_id, target_id), Edge(relation, target_id, user_id)
