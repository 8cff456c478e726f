"""Reading whom users follow and do not see, for siblings that keep it.

Somebody may be blocked by millions, and hide hundreds of thousands. For callers who ask for what is
bounded, of whoever has a longer list than `max_hidden` only those are read whom they follow too,
by name: of all others it is asked when their tweets are to be shown.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from services.graph.counting import FollowingCounts
from services.graph.model import Edge, Related, Relation, Relations
from services.graph.ports import GraphStore
from services.graph.slices import IDS_PER_SLICE, slices_of_all, taking
from services.platform.ids.arguments import check_id, check_ids

__all__ = ["MAX_EDGES", "MAX_USERS", "RelationReads", "UserRelations"]

MAX_USERS: Final = 100
"""Users whose relations are read by one call: more than ask in the same moment."""

MAX_EDGES: Final = 5_000
"""Edges of each of a user's four lists that such a call reads; whoever has more is streamed.
Nearly nobody has."""

RELATIONS_PER_ANSWER: Final = 50_000
"""Relations of all users in one answer: half a megabyte."""

USERS_PER_READ: Final = 8
"""Users read at once: so many, with as many edges as are read, are 160,000 cells in memory."""


@dataclass(frozen=True, slots=True)
class UserRelations:
    """One user's relations."""

    user_id: int
    relations: Relations | None
    """All of them, or as it says; None where there are more than are read at once."""


class RelationReads:
    """The use cases about all relations of a user."""

    def __init__(
        self,
        store: GraphStore,
        counts: FollowingCounts,
        max_hidden: int,
        *,
        slice_ids: int = IDS_PER_SLICE,
    ) -> None:
        """`max_hidden` is of each of three lists: who is muted, who is blocked, and who blocks.

        `slice_ids` is how many edges of a list a stream reads at once.
        """
        self._store = store
        self._counts = counts
        self._max_hidden = max_hidden
        self._slice_ids = slice_ids

    async def whole(self, user_id: int) -> Relations:
        """Whom the user follows and does not see, all at once, as `stream` gives them."""
        following, hidden, muted = list[int](), set[int](), list[str]()
        async for page in self.stream(user_id):
            following += page.following_ids
            hidden.update(page.hidden_ids)
            muted += page.muted_words
        return Relations(tuple(following), tuple(sorted(hidden)), tuple(muted))

    async def lookup(
        self, user_ids: Sequence[int], *, bounded: bool = False
    ) -> list[UserRelations]:
        """Read whom each of 1 to `MAX_USERS` users follows and does not see.

        In the order asked for, and for as many of the first users, one at least, as have
        `RELATIONS_PER_ANSWER` together. A user with more than `MAX_EDGES` in a list comes without
        relations; where it is `bounded`, only who follows so many. Raises `InvalidArgumentError`
        beyond the limits or for an id that is not positive.
        """
        check_ids("user_ids", user_ids, most=MAX_USERS)
        found: list[UserRelations] = []
        room = RELATIONS_PER_ANSWER
        # One more says that there are more.
        hidden = self._max_hidden + 1 if bounded else MAX_EDGES
        while room > 0 and (page := user_ids[len(found) : len(found) + USERS_PER_READ]):
            lists, counts = await asyncio.gather(
                self._store.related(page, MAX_EDGES, hidden), self._store.follow_counts(page)
            )
            for user_id, each in zip(page, lists, strict=True):
                if each.following.resume_after is None:
                    followed = len(each.following.ids)
                    self._counts.listed(user_id, followed, counts[user_id])
                relations = each.whole
                if bounded and relations is None:
                    relations = await self._without_others(user_id, each)
                found.append(UserRelations(user_id, relations))
                room -= len(relations) if relations else 0
        return found

    async def stream(
        self, user_id: int, *, hidden_only: bool = False, bounded: bool = False
    ) -> AsyncIterator[Relations]:
        """Pages of whom the user follows (unless `hidden_only`), and then does not see.

        At most `slice_ids` ids of each, and none for a user who does not exist. Followed users
        come by rising id, each once; one who is muted and blocked comes twice among the hidden.
        The last page is of muted words, if there are any, unless `hidden_only`; where it is
        `bounded`, and others are hidden than those on the pages, it says so.
        Raises `InvalidArgumentError` for an id that is not positive.
        """
        check_id("user_id", user_id)
        store, limit = self._store, self._slice_ids
        most_hidden = min(limit, self._max_hidden + 1) if bounded else limit
        (found,), counts = await asyncio.gather(
            store.related([user_id], limit, most_hidden), store.follow_counts([user_id])
        )
        others = bounded and not found.hides_few
        reads = (store.following, store.muting, store.blocking, store.blocked_by)
        lists = [*zip(reads, (found.following, *found.hidden), strict=True)]
        lists = lists[1 if hidden_only else 0 : 1 if others else None]
        takes = [(first, taking(read, user_id)) for read, first in lists]

        followed = 0
        # Closed here, or reads would go on for a caller who has gone.
        async with aclosing(slices_of_all(takes, limit)) as slices:
            async for place, ids in slices:
                if place > 0 or hidden_only:
                    yield Relations((), ids)
                    continue
                followed += len(ids)
                hidden = await self._hidden_among(user_id, ids, found) if others else ()
                yield Relations(ids, hidden)
        words = () if hidden_only else found.words
        if words or others:
            yield Relations((), (), words, hides_others=others)
        if not hidden_only:
            self._counts.listed(user_id, followed, counts[user_id])

    async def _without_others(self, user_id: int, found: Related) -> Relations | None:
        """Give all but who is hidden and not followed; None for who follows too many."""
        following = found.following
        if following.resume_after is not None:
            return None
        hidden = await self._hidden_among(user_id, following.ids, found)
        return Relations(following.ids, hidden, found.words, hides_others=True)

    async def _hidden_among(
        self, user_id: int, ids: Sequence[int], found: Related
    ) -> tuple[int, ...]:
        """Those of the ids whom the user does not see, by name where a list was not read whole."""
        known = {one for each in found.hidden if each.is_whole for one in each.ids}
        unread = [place for place, each in enumerate(found.hidden) if not each.is_whole]
        edges = {_HIDING[place](user_id, one): one for place in unread for one in ids}
        standing = await self._store.standing(edges)
        return tuple(sorted(known.intersection(ids).union(edges[each] for each in standing)))


_HIDING: Final[Sequence[Callable[[int, int], Edge]]] = (
    lambda user_id, other_id: Edge(Relation.MUTE, user_id, other_id),
    lambda user_id, other_id: Edge(Relation.BLOCK, user_id, other_id),
    lambda user_id, other_id: Edge(Relation.BLOCK, other_id, user_id),
)
"""What keeps a user from seeing another, in the order of `Related.hidden`."""
