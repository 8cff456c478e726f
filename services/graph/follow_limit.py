"""How many users somebody may follow: a number, and more for those whom more follow."""

from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Final

from services.graph.errors import NoRoomError
from services.graph.ports import GraphStore
from services.graph.slices import slices, taking
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError

__all__ = ["PER_FOLLOWER", "FollowLimit"]

PER_FOLLOWER: Final = Fraction(11, 10)
"""Whoever has many followers may follow as many, and a tenth more: enough to follow back all, and
to find others; who follows thousands in the hope that they follow back runs into it."""


class FollowLimit:
    """Bounds whom users follow. It costs those who are within the limit of all no read."""

    def __init__(self, store: GraphStore, of_all: int) -> None:
        """`of_all`: how many anybody may follow."""
        self._store = store
        self._of_all = of_all

    async def within(self, follower_id: int, make: Callable[[int], Awaitable[None]]) -> None:
        """Have a change made by which a user follows more; `make` takes the most they may follow.

        Raises what `make` does, but `FailedPreconditionError` (`TOO_MANY_FOLLOWED`) for
        `NoRoomError`. Followers are counted as is stored when the limit of all is reached.
        """
        try:
            await make(self._of_all)
        except NoRoomError:
            most = await self._most(follower_id)
        else:
            return
        if most > self._of_all:
            try:
                await make(most)
            except NoRoomError:
                pass
            else:
                return
        raise await self._refusal(follower_id, most)

    async def _most(self, user_id: int) -> int:
        counts = await self._store.follower_counts([user_id])
        return max(self._of_all, int(counts.get(user_id, 0) * PER_FOLLOWER))

    async def _refusal(self, user_id: int, most: int) -> FailedPreconditionError:
        followed = 0
        async for ids in slices(taking(self._store.following, user_id)):
            followed += len(ids)
        return FailedPreconditionError(
            f"user {user_id} follows {followed} users, and may follow {most}",
            reason=Reason.TOO_MANY_FOLLOWED,
            metadata={"user_id": str(user_id), "following": str(followed), "most": str(most)},
        )
