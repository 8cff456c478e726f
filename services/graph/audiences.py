"""Reading who follows each of many users, for a fan-out that plans many tweets at once."""

import asyncio
from collections.abc import Mapping, Sequence

from services.graph.counting import correct_count
from services.graph.model import Audience, FollowerPage
from services.graph.ports import GraphStore
from services.graph.slices import Rising, taking
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_ids
from services.platform.ids.slices import IdSlice

__all__ = ["MAX_FOLLOWERS", "MAX_USERS", "Audiences"]

MAX_USERS = 1_000
"""Users of one call."""
MAX_FOLLOWERS = 1_000
"""Followers listed of one user: as many as one job of the fan-out has."""
FOLLOWERS_PER_ANSWER = 20_000
"""Followers of all users in one answer, by their counts: 200 kB, and a fraction of a second of
pushes, so that whoever asks again for the rest sees to its own time."""
COST_OF_A_USER = 10
"""A user counts as so many followers at least, whoever follows."""
READS_AT_ONCE = 16
"""Users read together."""
FIRST_FOLLOWED = 1_000
"""Of those whom a user follows, read with the followers; whoever follows more has the rest read
alone."""


class Audiences:
    """The use case that changes nothing but counts that are off."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def of(self, user_ids: Sequence[int], most: int) -> list[Audience]:
        """Read the followers of 1 to `MAX_USERS` users, each with `most` (1 to `MAX_FOLLOWERS`).

        In the order asked for, and for as many of the first users, one at least, as have
        `FOLLOWERS_PER_ANSWER` together. Nobody follows a user who does not exist. A user may come
        without followers who has less than `most`, where many have followed and left. Raises
        `InvalidArgumentError` beyond the limits or for an id that is not positive.
        """
        check_ids("user_ids", user_ids, most=MAX_USERS)
        if not 1 <= most <= MAX_FOLLOWERS:
            raise InvalidArgumentError("max_followers", f"must be 1 to {MAX_FOLLOWERS}")
        # Read before the followers, so that a count changed meanwhile is noticed and left alone.
        counts = await self._store.follower_counts(list(dict.fromkeys(user_ids)))
        answered = _first(user_ids, counts, most)
        found: list[Audience] = []
        room = FOLLOWERS_PER_ANSWER
        # Counts may be off by any number, and the answer has to fit all the same.
        while room > 0 and (page := answered[len(found) : len(found) + READS_AT_ONCE]):
            read = await self._read(page, counts, most)
            room -= sum(each.followers for each in read if each.page is not None)
            found += read
        return found

    async def _read(
        self, user_ids: Sequence[int], counts: Mapping[int, int], most: int
    ) -> list[Audience]:
        few = [user_id for user_id in dict.fromkeys(user_ids) if counts.get(user_id, 0) <= most]
        # One more than are wanted says whether there are more.
        read = await self._store.neighbours(few, most + 1, FIRST_FOLLOWED) if few else []
        neighbours = dict(zip(few, read, strict=True))
        return await asyncio.gather(
            *(
                self._audience(user_id, counts.get(user_id), neighbours.get(user_id))
                for user_id in user_ids
            )
        )

    async def _audience(
        self, user_id: int, seen: int | None, neighbours: tuple[IdSlice, IdSlice] | None
    ) -> Audience:
        if neighbours is None:
            return Audience(user_id, seen or 0, None)
        batch, followed = neighbours
        if batch.resume_after is not None:
            return Audience(user_id, max(seen or 0, len(batch.ids)), None)
        exact = len(batch.ids)
        if exact != (seen or 0):
            await correct_count(self._store, user_id, seen, exact)
        if not exact:
            return Audience(user_id, 0, FollowerPage((), ()))
        close = await Rising(taking(self._store.following, user_id), first=followed).among(
            batch.ids
        )
        return Audience(
            user_id,
            exact,
            FollowerPage(
                close_friend_ids=tuple(one for one in batch.ids if one in close),
                other_ids=tuple(one for one in batch.ids if one not in close),
            ),
        )


def _first(user_ids: Sequence[int], counts: Mapping[int, int], most: int) -> Sequence[int]:
    """As many of the users as one answer has room for."""
    room = FOLLOWERS_PER_ANSWER
    for place, user_id in enumerate(user_ids):
        room -= min(max(counts.get(user_id, 0), COST_OF_A_USER), most)
        if room < 0 and place > 0:
            return user_ids[:place]
    return user_ids
