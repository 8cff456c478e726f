"""Following and unfollowing."""

from collections.abc import Callable, Sequence

from services.graph.arguments import check_exist, check_pair
from services.graph.changes import Changes
from services.graph.model import Edge, EdgeStates, PlannedChange, Relation
from services.graph.ports import GraphEvents, Users
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, PermissionDeniedError
from services.platform.ids.arguments import check_id, check_ids

__all__ = ["MAX_FOLLOWEES", "Follows"]

MAX_FOLLOWEES = 1000
"""Users followed by one call: a starter pack or a page of an import; the outbox entry stays near
200 kB."""


class Follows:
    """The use cases about follows. For one event loop."""

    def __init__(self, changes: Changes, users: Users, events: GraphEvents) -> None:
        self._changes = changes
        self._users = users
        self._events = events

    async def follow(self, follower_id: int, followee_id: int) -> None:
        """Follow a user; does nothing, and publishes nothing, if that is so already.

        Raises `InvalidArgumentError` for ids that are not positive or the same, `NotFoundError`
        (`USER_NOT_FOUND`) if either names nobody, `PermissionDeniedError` (`BLOCKED`) if one of
        them blocks the other.
        """
        check_pair("follower_id", follower_id, "followee_id", followee_id)

        def event(followees: Sequence[int]) -> bytes:
            return self._events.follow_changed(follower_id, followees[0], following=True)

        await self._follow(follower_id, [followee_id], event)

    async def follow_many(self, follower_id: int, followee_ids: Sequence[int]) -> None:
        """Follow 1 to `MAX_FOLLOWEES` users, all or none; one event names those that are new.

        A repeated id is followed once, and counts each time that it is named. Raises as `follow`
        does.
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
        """Stop following a user; does nothing, and publishes nothing, if that is so already.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`USER_NOT_FOUND`) if there is nothing to end and either names nobody.
        """
        check_id("follower_id", follower_id)
        check_id("followee_id", followee_id)
        edge = Edge(Relation.FOLLOW, follower_id, followee_id)
        found = True

        def plan(states: EdgeStates) -> PlannedChange | None:
            nonlocal found
            found = states.may_have(edge)
            if not found:
                return None
            event = self._events.follow_changed(follower_id, followee_id, following=False)
            return PlannedChange((), (edge,), event)

        await self._changes.make([edge], plan)
        if not found:
            await check_exist(self._users, [follower_id, followee_id])

    async def _follow(
        self, follower_id: int, followees: Sequence[int], event: Callable[[Sequence[int]], bytes]
    ) -> None:
        await check_exist(self._users, [follower_id, *followees])
        follows = [Edge(Relation.FOLLOW, follower_id, followee) for followee in followees]
        blocks = [block for edge in follows for block in _blocks(edge)]

        def plan(states: EdgeStates) -> PlannedChange | None:
            for block in blocks:
                if block in states.standing:
                    raise _blocked(follower_id, block)
            made = tuple(edge for edge in follows if states.lacks(edge))
            if not made:
                return None
            # A block that failed, and whose tombstones may yet come, must not come to stand beside
            # a follow: the follow settles that there was none.
            removed = tuple(block for block in blocks if block in states.in_doubt)
            return PlannedChange(made, removed, event([edge.other_id for edge in made]))

        await self._changes.make(follows, plan, deciding=blocks)


def _blocks(follow: Edge) -> tuple[Edge, Edge]:
    return (
        Edge(Relation.BLOCK, follow.owner_id, follow.other_id),
        Edge(Relation.BLOCK, follow.other_id, follow.owner_id),
    )


def _blocked(follower_id: int, block: Edge) -> PermissionDeniedError:
    other_id = block.other_id if block.owner_id == follower_id else block.owner_id
    return PermissionDeniedError(
        f"user {follower_id} cannot follow user {other_id}: one of them blocks the other",
        reason=Reason.BLOCKED,
        metadata={"follower_id": str(follower_id), "followee_id": str(other_id)},
    )
