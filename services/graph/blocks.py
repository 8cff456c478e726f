"""Blocking and muting: ways not to see each other, or only not to see."""

from services.graph.arguments import check_exist, check_pair
from services.graph.changes import Changes
from services.graph.model import Edge, EdgeStates, PlannedChange, Relation
from services.graph.ports import GraphEvents, Users

__all__ = ["Blocks"]


class Blocks:
    """The use cases about blocks and mutes. For one event loop.

    All of them do nothing, and publish nothing, when things are as asked for already. All raise
    `InvalidArgumentError` for ids that are not positive or the same.
    """

    def __init__(self, changes: Changes, users: Users, events: GraphEvents) -> None:
        self._changes = changes
        self._users = users
        self._events = events

    async def block(self, blocker_id: int, blocked_id: int) -> None:
        """Block a user, and end the follows between the two, and requests for them.

        Raises `NotFoundError` (`USER_NOT_FOUND`) if either names nobody.
        """
        check_pair("blocker_id", blocker_id, "blocked_id", blocked_id)
        await check_exist(self._users, [blocker_id, blocked_id])
        block = Edge(Relation.BLOCK, blocker_id, blocked_id)
        follows = (
            Edge(Relation.FOLLOW, blocker_id, blocked_id),
            Edge(Relation.FOLLOW, blocked_id, blocker_id),
            Edge(Relation.REQUEST, blocker_id, blocked_id),
            Edge(Relation.REQUEST, blocked_id, blocker_id),
        )

        def plan(states: EdgeStates) -> PlannedChange | None:
            ended = tuple(edge for edge in follows if states.may_have(edge))
            if not ended and not states.lacks(block):
                return None
            event = self._events.relations_changed([blocker_id, blocked_id])
            # All of them, though they may not be there: another process may be making them.
            return PlannedChange((block,), ended, event, barred=follows)

        # Both: either of them could be about to follow the other.
        await self._changes.make([block, *follows], plan)

    async def unblock(self, blocker_id: int, blocked_id: int) -> None:
        """End a block; the follows of before do not come back.

        Raises `NotFoundError` (`USER_NOT_FOUND`) if there is none and either names nobody.
        """
        check_pair("blocker_id", blocker_id, "blocked_id", blocked_id)
        block = Edge(Relation.BLOCK, blocker_id, blocked_id)
        found = True

        def plan(states: EdgeStates) -> PlannedChange | None:
            nonlocal found
            found = states.may_have(block)
            if not found:
                return None
            return PlannedChange(
                (), (block,), self._events.relations_changed([blocker_id, blocked_id])
            )

        await self._changes.make([block], plan)
        if not found:
            await check_exist(self._users, [blocker_id, blocked_id])

    async def mute(self, muter_id: int, muted_id: int) -> None:
        """Hide a user's tweets from one's home timeline; follows stay as they are.

        Raises `NotFoundError` (`USER_NOT_FOUND`) if either names nobody.
        """
        check_pair("muter_id", muter_id, "muted_id", muted_id)
        await check_exist(self._users, [muter_id, muted_id])
        mute = Edge(Relation.MUTE, muter_id, muted_id)

        def plan(states: EdgeStates) -> PlannedChange | None:
            if not states.lacks(mute):
                return None
            return PlannedChange((mute,), (), self._events.relations_changed([muter_id]))

        await self._changes.make([mute], plan)

    async def unmute(self, muter_id: int, muted_id: int) -> None:
        """Show a user's tweets again.

        Raises `NotFoundError` (`USER_NOT_FOUND`) if there is no mute and either names nobody.
        """
        check_pair("muter_id", muter_id, "muted_id", muted_id)
        mute = Edge(Relation.MUTE, muter_id, muted_id)
        found = True

        def plan(states: EdgeStates) -> PlannedChange | None:
            nonlocal found
            found = states.may_have(mute)
            if not found:
                return None
            return PlannedChange((), (mute,), self._events.relations_changed([muter_id]))

        await self._changes.make([mute], plan)
        if not found:
            await check_exist(self._users, [muter_id, muted_id])
