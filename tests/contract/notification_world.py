"""A process of the notification service on a real store, with its siblings made up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.engagement.events import EngagementEvents
from services.engagement.model import Change, Edge
from services.engagement.model import Kind as EngagementKind
from services.graph.events import GraphEvents
from services.graph.model import Edge as GraphEdge
from services.graph.model import Relation
from services.notification.consumers import NotificationConsumers
from services.notification.erasure import Erasure
from services.notification.group_store import RowGroups
from services.notification.lag import NotificationLag
from services.notification.model import Kind, NotificationPage, Seen, Standing, TweetFacts
from services.notification.reading import Reading
from services.notification.recording import Recording, Stores
from services.notification.store import RowEntries
from services.platform.ids.snowflake_time import first_id_at
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.rows.port import RowStore
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.rule import Sight
from services.tweet.events import TweetEvents
from services.user.events import UserEvents
from tests.tweet_messages import created
from tests.unit.graph.world import MovableClock

ADA, BOB, CYD, DAN = 1, 2, 3, 4
LIKE, RETWEET = EngagementKind.LIKE, EngagementKind.RETWEET
Shown = tuple[Kind, int, tuple[int, ...], int]
"""Kind, tweet, the newest actors, how many."""


@dataclass
class Siblings:
    """What all processes see of the other services."""

    clock: MovableClock = field(default_factory=MovableClock)
    tweets: dict[int, TweetFacts] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    """Deleted users."""
    handles: dict[str, int] = field(default_factory=dict)
    hidden: set[tuple[int, int]] = field(default_factory=set)
    """(who does not see, whom)."""
    follows: dict[tuple[int, int], tuple[bool, int]] = field(default_factory=dict)
    """(followee, follower) to whether that stands, and since when."""
    requests: dict[tuple[int, int], tuple[bool, int]] = field(default_factory=dict)
    """(asked, requester), as of follows."""
    words: dict[int, MutedWords] = field(default_factory=dict)
    """What readers have muted."""
    texts: dict[int, str] = field(default_factory=dict)
    """What tweets say."""
    asked: int = 0
    """Calls."""
    user: bytes = b"user"
    """How each user is said."""
    count: int = 0

    def tweet(
        self, author: int, *mentions: str, reply_to: int = 0, quote: int = 0, at_ms: int = 0
    ) -> int:
        self.count += 1
        tweet_id = first_id_at(at_ms or self.clock.now_ms()) + self.count
        self.tweets[tweet_id] = TweetFacts(tweet_id, author, reply_to, quote, mentions)
        return tweet_id


class MadeUpTweets:
    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    async def facts(self, tweet_ids: Sequence[int]) -> list[TweetFacts]:
        self._siblings.asked += bool(tweet_ids)
        tweets = self._siblings.tweets
        return [tweets[each] for each in tweet_ids if each in tweets]

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        self._siblings.asked += bool(tweet_ids)
        return [each for each in tweet_ids if each not in self._siblings.tweets]

    async def encoded(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        tweets = self._siblings.tweets
        return {each: self._encoded(tweets[each]) for each in tweet_ids if each in tweets}

    def _encoded(self, facts: TweetFacts) -> EncodedTweet:
        if not self._siblings.texts:
            return EncodedTweet(facts.tweet_id, facts.author_id, b"tweet")
        tweet = Tweet(
            tweet_id=facts.tweet_id,
            user_id=facts.author_id,
            text=self._siblings.texts.get(facts.tweet_id, ""),
            quote_tweet_id=facts.quote_tweet_id or None,
        )
        return EncodedTweet(facts.tweet_id, facts.author_id, tweet.SerializeToString())


class MadeUpUsers:
    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        self._siblings.asked += bool(user_ids)
        return [each for each in user_ids if each in self._siblings.gone]

    async def encoded(self, user_ids: Sequence[int]) -> dict[int, bytes]:
        return {each: self._siblings.user for each in user_ids if each not in self._siblings.gone}

    async def by_handles(self, handles: Sequence[str]) -> dict[str, int]:
        self._siblings.asked += bool(handles)
        known = self._siblings.handles
        return {each: known[each.lower()] for each in handles if each.lower() in known}


class MadeUpGraph:
    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    async def standings(
        self, pairs: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], Standing]:
        self._siblings.asked += bool(pairs)
        siblings, never = self._siblings, (False, 0)
        return {
            pair: Standing(
                pair in siblings.hidden,
                *siblings.follows.get(pair, never),
                *siblings.requests.get(pair, never),
            )
            for pair in dict.fromkeys(pairs)
        }

    async def seen_by(self, user_id: int, actor_ids: Collection[int]) -> Seen:
        standings = await self.standings([(user_id, actor_id) for actor_id in actor_ids])
        words = self._siblings.words.get(user_id, NOTHING_MUTED)
        return Seen({actor_id: each for (_, actor_id), each in standings.items()}, words)

    async def of(self, reader: int, author_ids: Collection[int]) -> dict[int, Sight]:
        hidden = self._siblings.hidden
        return {each: Sight(muting=(reader, each) in hidden) for each in author_ids}

    async def of_pairs(self, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Sight]:
        self._siblings.asked += bool(pairs)
        return {pair: Sight(muting=pair in self._siblings.hidden) for pair in pairs}


class World:
    """One process; others share its rows and siblings."""

    def __init__(self, rows: RowStore, siblings: Siblings | None = None) -> None:
        self.siblings = siblings or Siblings()
        self.clock = self.siblings.clock
        self.entries = RowEntries(rows)
        self.groups = RowGroups(rows, self.clock)
        tweets, users = MadeUpTweets(self.siblings), MadeUpUsers(self.siblings)
        graph = MadeUpGraph(self.siblings)
        erasure = Erasure(self.entries, users)
        self.recording = Recording(
            Stores(self.entries, self.groups),
            tweets,
            users,
            graph,
            erasure,
            clock=self.clock,
            lag=NotificationLag(self.clock),
            sights=graph,
        )
        self.consumers = NotificationConsumers(self.recording, erasure)
        self.reading = Reading(
            self.entries,
            self.groups,
            tweets,
            users,
            graph,
            known=users,
            clock=self.clock,
            sights=graph,
        )

    async def post(self, author: int, *mentions: str, reply_to: int = 0, quote: int = 0) -> int:
        """Post, and have the message handled."""
        tweet_id = self.siblings.tweet(author, *mentions, reply_to=reply_to, quote=quote)
        await self.consumers.tweets_changed([created(tweet_id, author)])
        return tweet_id

    async def delete(self, tweet_id: int) -> None:
        """Delete, and have the message handled."""
        author = self.siblings.tweets.pop(tweet_id).author_id
        await self.consumers.tweets_changed([TweetEvents().deleted(tweet_id, author)])

    def follows(self, follower: int, followee: int, *, standing: bool = True) -> bytes:
        """Follow or unfollow now; gives the message."""
        self.siblings.follows[followee, follower] = (standing, self.clock.now_ms())
        return GraphEvents().follow_changed(follower, followee, following=standing)

    def asks(self, requester: int, asked: int, *, standing: bool = True) -> bytes:
        """Ask to follow now, or no longer; gives the message."""
        self.siblings.requests[asked, requester] = (standing, self.clock.now_ms())
        event = GraphEvents().relations_changed([requester])
        return _with_request(event, requester, asked, standing=standing)

    def approves(self, asked: int, requester: int) -> bytes:
        """Let somebody follow now; gives the message."""
        self.asks(requester, asked, standing=False)
        event = self.follows(requester, asked)
        return _with_request(event, requester, asked, standing=False)

    async def shown(self, user_id: int, limit: int = 200) -> list[Shown]:
        """All that the reader is told, page by page."""
        found: list[Shown] = []
        before: int | None = None
        while True:
            page: NotificationPage = await self.reading.page(user_id, before, limit)
            found += [
                (each.kind, each.tweet_id, each.actor_ids, each.actor_count)
                for each in page.notifications
            ]
            before = page.next_before
            if before is None:
                return found
            assert len(page.notifications) == limit, "a page is full as long as more exist"


def _with_request(event: bytes, requester: int, asked: int, *, standing: bool) -> bytes:
    request = [GraphEdge(Relation.REQUEST, requester, asked)]
    made, ended = (request, []) if standing else ([], request)
    return GraphEvents().with_requests(event, made, ended)


def engaged(
    kind: EngagementKind, actor: int, tweet_id: int, at_ms: int, *, standing: bool = True
) -> bytes:
    """The message that somebody liked or retweeted, or took that back."""
    return EngagementEvents().changed(Change(Edge(kind, actor, tweet_id), standing, at_ms))


def user_deleted(user_id: int, at_ms: int) -> bytes:
    return UserEvents().deleted(user_id, at_ms)
