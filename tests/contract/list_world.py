"""A process of the list service on a real store, with its siblings made up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.list.consumers import ListConsumers
from services.list.erasure import ListErasure
from services.list.members import Members
from services.list.service import Lists
from services.list.store import RowListStore
from services.list.timeline import ListTimelines
from services.platform.rows.port import RowStore
from services.platform.visibility.encoded import EncodedTweet
from tests.sights import SetSights
from tests.unit.graph.world import ClockIds, MovableClock

ADA, BOB, CYD = 1, 2, 3


@dataclass
class Siblings:
    """What all processes see of other services."""

    gone: set[int] = field(default_factory=set)
    posted: dict[int, list[int]] = field(default_factory=dict)
    """Tweets of each author."""
    texts: dict[int, str] = field(default_factory=dict)
    """What tweets say."""
    quotes: dict[int, int] = field(default_factory=dict)
    """Which others they quote."""
    sights: SetSights = field(default_factory=SetSights)
    calls: int = 0

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        return [each for each in user_ids if each in self.gone]

    async def encoded(self, user_ids: Sequence[int]) -> dict[int, bytes]:
        return {each: b"%d" % each for each in user_ids if each not in self.gone}


class MadeUpTweets:
    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    async def newest(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> list[list[int]]:
        self._siblings.calls += 1
        posted = self._siblings.posted
        return [
            sorted(
                (one for one in posted.get(author, ()) if before is None or one < before),
                reverse=True,
            )[:limit]
            for author in authors
        ]

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        authors = {one: author for author, ids in self._siblings.posted.items() for one in ids}
        return [
            EncodedTweet(one, authors[one], self._body(one, authors[one]))
            for one in tweet_ids
            if one in authors
        ]

    def _body(self, tweet_id: int, author: int) -> bytes:
        said = self._siblings
        if not said.texts:
            return b""
        quoted = said.quotes.get(tweet_id)
        text = said.texts.get(tweet_id, "")
        return Tweet(user_id=author, text=text, quote_tweet_id=quoted).SerializeToString()


class World:
    """One process; others share its rows and siblings."""

    def __init__(self, rows: RowStore, worker: int = 1, siblings: Siblings | None = None) -> None:
        self.siblings = siblings or Siblings()
        self.store = RowListStore(rows)
        self.lists = Lists(self.store, self.siblings, ClockIds(MovableClock(), worker))
        self.members = Members(self.store, self.lists, self.siblings)
        self.timelines = ListTimelines(
            self.lists, MadeUpTweets(self.siblings), self.siblings.sights
        )
        erasure = ListErasure(self.store, self.lists, self.siblings)
        self.consumers = ListConsumers(erasure)

    async def make(self, owner: int = ADA, *members: int, private: bool = False) -> int:
        made = await self.lists.create(owner, "friends", "", private=private)
        for member in members:
            await self.members.add(owner, made.list_id, member)
        return made.list_id

    async def in_list(self, list_id: int, reader: int = ADA) -> list[int]:
        return [*(await self.lists.get(reader, list_id)).members]

    async def owned(self, owner: int = ADA, limit: int = 200) -> list[int]:
        ids: list[int] = []
        before: int | None = None
        while True:
            page = await self.lists.owned(owner, before, limit)
            ids += [each.list_id for each in page.lists]
            before = page.next_before
            if before is None:
                return ids
            assert len(page.lists) == limit

    async def timeline(self, list_id: int, limit: int = 200, reader: int = ADA) -> list[int]:
        ids: list[int] = []
        before: int | None = None
        while True:
            page = await self.timelines.page(reader, list_id, before, limit)
            ids += [each.tweet_id for each in page.tweets]
            before = page.next_before
            if before is None:
                return ids
            assert len(page.tweets) == limit, "a page is full as long as more exist"
