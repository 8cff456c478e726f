"""Following and unfollowing."""

from collections.abc import Callable, Sequence

from services.graph.arguments import check_exist, check_pair
from services.graph.changes import Changes
from services.graph.follow_limit import FollowLimit
from services.graph.model import Edge, EdgeStates, PlannedChange, Relation
from services.graph.ports import GraphEvents, Protection, Users
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, PermissionDeniedError
from services.platform.ids.arguments import check_id, check_ids

__all__ = ["MAX_FOLLOWEES", "Follows", "blocked", "blocks_between"]

MAX_FOLLOWEES = 1000
"""Users followed by one call: a starter pack or a page of an import; the outbox entry stays near
200 kB."""


class Follows:
    """The use cases about follows. For one event loop."""

    def __init__(
        self,
        changes: Changes,
        users: Users,
        events: GraphEvents,
        protection: Protection,
        limit: FollowLimit,
    ) -> None:
        self._changes = changes
        self._users = users
        self._events = events
        self._protection = protection
        self._limit = limit

    async def follow(self, follower_id: int, followee_id: int) -> bool:
        """Follow a user; does nothing, and publishes nothing, if that is so already.

        Of a protected user it is asked for; gives whether it is so, and not approved yet.
        Raises `InvalidArgumentError` for ids that are not positive or the same, `NotFoundError`
        (`USER_NOT_FOUND`) if either names nobody, `PermissionDeniedError` (`BLOCKED`) if one of
        them blocks the other, `FailedPreconditionError` (`TOO_MANY_FOLLOWED`) if the follower
        would follow more users than they may. Those who are only asked do not count.
        """
        check_pair("follower_id", follower_id, "followee_id", followee_id)

        def event(followees: Sequence[int]) -> bytes:
            return self._events.follow_changed(follower_id, followees[0], following=True)

        return await self._follow(follower_id, [followee_id], event)

    async def follow_many(self, follower_id: int, followee_ids: Sequence[int]) -> None:
        """Follow 1 to `MAX_FOLLOWEES` users, all or none; one event names those that are new.

        Those who are protected are asked. A repeated id is followed once, and counts each time that
        it is named. Raises as `follow` does.
        """
        check_id("follower_id", follower_id)
        check_ids("followee_ids", followee_ids, most=MAX_FOLLOWEES)
        followees = list(dict.fromkeys(followee_ids))
        if follower_id in followees:
            raise InvalidArgumentError("followee_ids", "must not include the follower_id")

        def event(added: Sequence[int]) -> bytes:
            return self._events.follows_added(follower_id, added)

        await self._follow(follower_id, followees, event)

    async def unfollow(self, follower_id: int, followee_id: int) -> None:
        """Stop following a user, or asking to; nothing is changed or published if that is so.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`USER_NOT_FOUND`) if there is nothing to end and either names nobody.
        """
        check_id("follower_id", follower_id)
        check_id("followee_id", followee_id)
        edge = Edge(Relation.FOLLOW, follower_id, followee_id)
        request = Edge(Relation.REQUEST, follower_id, followee_id)
        found = True

        def plan(states: EdgeStates) -> PlannedChange | None:
            nonlocal found
            ended = tuple(one for one in (edge, request) if states.may_have(one))
            found = bool(ended)
            if not found:
                return None
            event = self._events.follow_changed(follower_id, followee_id, following=False)
            return PlannedChange((), ended, event)

        await self._changes.make([edge, request], plan)
        if not found:
            await check_exist(self._users, [follower_id, followee_id])

    async def _follow(
        self, follower_id: int, followees: Sequence[int], event: Callable[[Sequence[int]], bytes]
    ) -> bool:
        await check_exist(self._users, [follower_id, *followees])
        follows = [Edge(Relation.FOLLOW, follower_id, followee) for followee in followees]
        requests = [Edge(Relation.REQUEST, follower_id, followee) for followee in followees]
        blocks = [block for edge in follows for block in blocks_between(edge)]
        asked: frozenset[int] = frozenset()
        most: int | None = None

        def plan(states: EdgeStates) -> PlannedChange | None:
            nonlocal asked
            for block in blocks:
                if block in states.standing:
                    raise blocked(follower_id, block)
            asked = states.protected - {e.other_id for e in follows if e in states.standing}
            made = [e for e in follows if states.lacks(e) and e.other_id not in asked]
            asking = [e for e in requests if states.lacks(e) and e.other_id in asked]
            ended = [e for e in requests if states.may_have(e) and e.other_id not in asked]
            if not (made or asking or ended):
                return None
            # A block that failed, and whose tombstones may yet come, must not come to stand beside
            # a follow: the follow settles that there was none.
            unsettled = [block for block in blocks if block in states.in_doubt]
            said = (
                event([edge.other_id for edge in made])
                if made
                else self._events.relations_changed([follower_id])
            )
            return PlannedChange((*made, *asking), (*unsettled, *ended), said, most_followed=most)

        async def make(may_follow: int) -> None:
            nonlocal most
            most = may_follow
            # Who is protected is read with the edges, so that changes of one edge keep their order.
            await self._changes.make([*follows, *requests], plan, deciding=blocks, asking=followees)

        await self._limit.within(follower_id, make)
        if asked and asked != await self._protection.protected(asked):
            # Protected no more since it was asked: whoever approves all may have been before this.
            return await self._follow(follower_id, followees, event)
        return bool(asked)


def blocks_between(follow: Edge) -> tuple[Edge, Edge]:
    """Give the edges of which either bars a follow."""
    return (
        Edge(Relation.BLOCK, follow.owner_id, follow.other_id),
        Edge(Relation.BLOCK, follow.other_id, follow.owner_id),
    )


def blocked(follower_id: int, block: Edge) -> PermissionDeniedError:
    """Say that a block bars somebody from following."""
    other_id = block.other_id if block.owner_id == follower_id else block.owner_id
    return PermissionDeniedError(
        f"user {follower_id} cannot follow user {other_id}: one of them blocks the other",
        reason=Reason.BLOCKED,
        metadata={"follower_id": str(follower_id), "followee_id": str(other_id)},
    )
