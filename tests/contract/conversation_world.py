"""Conversations on real rows, with readers and relations of the test's making."""

import itertools
from collections.abc import Iterable, Sequence

from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowMutation, RowStore, Scan
from services.platform.runtime.clock import SystemClock
from services.tweet.body_cells import encode_body, encode_said
from services.tweet.conversation import Conversations
from services.tweet.keys import tweet_row_key
from services.tweet.model import ConversationPage, ReplyThread, Tweet
from services.tweet.reply_rows import RowReplies
from services.tweet.service import TweetService
from services.tweet.spec import OUTBOX, TWEETS
from services.tweet.store import RowTweetStore
from tests.sights import NoHandles, SetSights
from tests.unit.tweet_world import Pictures

READER, ADA, BOB, CYD = 10, 11, 12, 13
NOBODY = 99

Shape = list["int | tuple[int, Shape]"]
"""Tweets of a tree, each with those under it where there are any."""


class CountedRows:
    """Real rows; counts reads, and what scans ask for at most."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows
        self.reads = 0
        self.rows_asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._rows, name)

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        await self._rows.mutate(mutations)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> object:
        self.reads += 1
        return await self._rows.read_rows(table, keys)

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> object:
        self.reads += 1
        self.rows_asked += sum(scan.limit for scan in scans)
        return await self._rows.scan_many(scans, in_order=in_order)


class Users:
    async def missing(self, ids: Sequence[int]) -> list[int]:
        return [each for each in ids if each == NOBODY]


class Ids:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    async def next_id(self) -> int:
        return next(self._numbers) << 22


class Silent:
    """An own timeline that nobody looks at."""

    async def posted(self, user_id: int, tweet_id: int) -> None:
        pass

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        pass


class Events:
    def created(self, tweet: Tweet) -> bytes:
        return f"made {tweet.tweet_id} {tweet.user_id}".encode()

    def deleted(self, tweet_id: int, user_id: int, _media_ids: Sequence[int] = ()) -> bytes:
        return f"gone {tweet_id} {user_id}".encode()


class World:
    """The tweet service's posts and conversations."""

    def __init__(self, rows: RowStore) -> None:
        self.rows = CountedRows(rows)
        store: RowStore = self.rows  # type: ignore[assignment] # it hands the rest on
        self.store = RowTweetStore(store, Outbox(store, SystemClock(), OUTBOX))
        self.replies = RowReplies(store)
        self.relations = SetSights()
        self.conversations = Conversations(self.store, self.replies, Users(), self.relations)
        self.tweets = TweetService(
            store=self.store,
            users=Users(),
            media=Pictures(),
            ids=Ids(),
            own_timeline=Silent(),
            events=Events(),
            clock=SystemClock(),
            sights=self.relations,
            handles=NoHandles(),
        )

    async def post(self, answered: int = 0, author: int = ADA, **fields: str) -> int:
        made = await self.tweets.create(author, "hello", in_reply_to=answered, **fields)
        return made.tweet_id

    async def posts(self, answered: Iterable[int], author: int = ADA) -> list[int]:
        """Answers, one after the other."""
        return [await self.post(each, author) for each in answered]

    async def chain(self, length: int) -> list[int]:
        """Tweets of which each answers the one before."""
        ids = [await self.post()]
        while len(ids) < length:
            ids.append(await self.post(ids[-1]))
        return ids

    async def as_before(self, tweet_id: int, author: int, answered: int) -> None:
        """Put a tweet in as the release before did: in no list of replies, without a lineage."""
        older = Tweet(tweet_id, author, "as before", 1_800_000_000_000, answered, 0)
        cells = {b"body": encode_body(older), b"said": encode_said(older)}
        key = tweet_row_key(tweet_id)
        at_ms = older.created_at_ms
        await self.rows.mutate([RowMutation(TWEETS.name, key, cells, timestamp_ms=at_ms)])

    async def read(
        self, tweet_id: int, *, reader: int = READER, before: int | None = None, limit: int = 50
    ) -> ConversationPage:
        return await self.conversations.read(tweet_id, reader, before, limit)

    async def pages(self, tweet_id: int, limit: int) -> list[list[int]]:
        """The ids of direct replies, page by page."""
        found: list[list[int]] = []
        before: int | None = None
        while True:
            page = await self.read(tweet_id, before=before, limit=limit)
            found.append([thread.tweet.tweet_id for thread in page.threads])
            before = page.resume_before
            if before is None:
                return found


def ids(tweets: Iterable[Tweet]) -> list[int]:
    return [tweet.tweet_id for tweet in tweets]


def shape(threads: Iterable[ReplyThread]) -> Shape:
    return [
        (each.tweet.tweet_id, shape(each.replies)) if each.replies else each.tweet.tweet_id
        for each in threads
    ]
