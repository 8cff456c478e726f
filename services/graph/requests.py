"""Requests to follow protected users, and who is protected."""

import asyncio
from typing import Final

from services.graph.arguments import check_pair
from services.graph.changes import Changes
from services.graph.follow_limit import FollowLimit
from services.graph.follows import blocked, blocks_between
from services.graph.model import Edge, EdgeStates, PlannedChange, Relation
from services.graph.ports import GraphEvents, GraphStore, Users
from services.graph.slices import slices, taking
from services.platform.error_reasons import Reason
from services.platform.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from services.platform.ids.arguments import check_id

__all__ = ["APPROVED_PER_CALL", "FollowRequests"]

APPROVED_PER_CALL: Final = 1_000
"""Requests that one call approves when a user is protected no more: a second of the store."""


class FollowRequests:
    """The use cases of who is asked. All raise `InvalidArgumentError` for what can be no id."""

    def __init__(
        self,
        changes: Changes,
        store: GraphStore,
        users: Users,
        events: GraphEvents,
        limit: FollowLimit,
    ) -> None:
        self._changes = changes
        self._store = store
        self._users = users
        self._events = events
        self._limit = limit

    async def approve(self, user_id: int, requester_id: int) -> None:
        """Let somebody follow who asks to; nothing is changed if they follow already.

        Raises `NotFoundError` (`FOLLOW_REQUEST_NOT_FOUND`) if they do neither, and
        `PermissionDeniedError` (`BLOCKED`) if one of the two blocks the other,
        `FailedPreconditionError` (`TOO_MANY_FOLLOWED`) if the requester would follow more users
        than they may.
        """
        check_pair("user_id", user_id, "requester_id", requester_id)
        # Also where they stopped to be: an erasure counts on it that no follow is made later.
        if await self._users.missing([requester_id, user_id]):
            raise _no_request(requester_id)
        await self._approve(user_id, requester_id)

    async def _approve(self, user_id: int, requester_id: int) -> None:
        follow = Edge(Relation.FOLLOW, requester_id, user_id)
        request = Edge(Relation.REQUEST, requester_id, user_id)
        blocks = blocks_between(follow)
        most: int | None = None

        def plan(states: EdgeStates) -> PlannedChange | None:
            for block in blocks:
                if block in states.standing:
                    raise blocked(requester_id, block)
            if request not in states.standing:
                if follow in states.standing:
                    return None
                raise _no_request(requester_id)
            if not states.lacks(follow):
                # They followed while the account was open, and are not to be counted twice.
                return self._ended(request)
            event = self._events.follow_changed(requester_id, user_id, following=True)
            unsettled = tuple(block for block in blocks if block in states.in_doubt)
            return PlannedChange((follow,), (request, *unsettled), event, most_followed=most)

        async def make(may_follow: int) -> None:
            nonlocal most
            most = may_follow
            await self._changes.make([follow, request], plan, deciding=blocks)

        await self._limit.within(requester_id, make)

    async def deny(self, user_id: int, requester_id: int) -> None:
        """Turn a request down; nothing is changed where there is none."""
        check_pair("user_id", user_id, "requester_id", requester_id)
        request = Edge(Relation.REQUEST, requester_id, user_id)

        def plan(states: EdgeStates) -> PlannedChange | None:
            if not states.may_have(request):
                return None
            return self._ended(request)

        await self._changes.make([request], plan)

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> bool:
        """Have a user be protected or not, as the account says with a revision; the latest holds.

        Who is protected no more approves all requests: some by each call, which gives whether more
        may be left.
        """
        check_id("user_id", user_id)
        if revision <= 0:
            raise InvalidArgumentError("revision", "must be positive")
        await self._store.protect(user_id, revision, protected=protected)
        if protected or await self._store.protected([user_id]):
            return False
        # What is settled leaves something behind, which is passed over.
        async for ids in slices(taking(self._store.requesters, user_id), APPROVED_PER_CALL):
            gone = frozenset(await self._users.missing([user_id, *ids]))
            await asyncio.gather(
                *(
                    self.deny(user_id, one) if gone & {user_id, one} else self._settle(user_id, one)
                    for one in ids
                )
            )
            return True
        return False

    async def _settle(self, user_id: int, requester_id: int) -> None:
        try:
            await self._approve(user_id, requester_id)
        except (NotFoundError, PermissionDeniedError):
            # Taken back meanwhile, perhaps half way: what is left would come up at each call.
            await self.deny(user_id, requester_id)
        except FailedPreconditionError as error:
            if error.reason is not Reason.TOO_MANY_FOLLOWED:
                raise
            # They may follow the user later, as everybody may now; nobody is there to ask.
            await self.deny(user_id, requester_id)

    def _ended(self, request: Edge) -> PlannedChange:
        event = self._events.relations_changed([request.owner_id])
        return PlannedChange((), (request,), event)


def _no_request(requester_id: int) -> NotFoundError:
    return NotFoundError(
        f"requester_id: user {requester_id} does not ask to follow",
        reason=Reason.FOLLOW_REQUEST_NOT_FOUND,
        metadata={"field": "requester_id", "requester_id": str(requester_id)},
    )
