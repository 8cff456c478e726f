"""Home timelines with retweets, on entries that are given, and the ten-line model of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from services.timeline.hydration import Hydration
from services.timeline.model import EncodedTweet, IdRun, Skeleton, View
from services.timeline.page import Page
from services.timeline.retweets import Once, OnceFromTop
from services.timeline.rules import RULES
from services.timeline.service import TimelineService
from tests.sights import open_seeing

__all__ = ["AUTHORS", "MUTED", "OWNER", "RETWEETS", "STRANGER", "World", "made", "model"]

OWNER, MUTED, STRANGER = 1, 8, 9
SHOWN = frozenset({2, 3, 4})
VIEW = View(OWNER, SHOWN, frozenset({MUTED}))


@dataclass
class World:
    """All entries that a home list has; what nobody shown brings may be among them."""

    tweets: dict[int, int] = field(default_factory=dict)  # by id, the author
    retweets: dict[int, tuple[int, int]] = field(default_factory=dict)  # by id, (user, tweet)
    body: bytes = b"x"
    reads: int = 0
    mark: bytes = b""
    deepest: int = 0
    """Entries from the newest one down to the last that was asked for."""
    most: int = 0
    """Tweets that were in memory at once."""

    async def below(self, before: int | None, count: int) -> Skeleton:
        self.reads += 1
        ids = self.ids()
        above = len(ids)
        ids = [one for one in ids if before is None or one < before]
        self.deepest = max(self.deepest, above - len(ids) + count)
        return Skeleton(IdRun(ids[:count], ended=len(ids) <= count), VIEW)

    def ids(self) -> list[int]:
        return sorted(self.tweets.keys() | self.retweets.keys(), reverse=True)

    async def get_many(self, ids: Sequence[int]) -> dict[int, EncodedTweet]:
        self.most = max(self.most, len(ids))
        return {one: self._encoded(one) for one in ids}

    def _encoded(self, one: int) -> EncodedTweet:
        if one in self.retweets:
            user, tweet = self.retweets[one]
            return EncodedTweet(one, user, deleted=False, visibility=0, body=b"", retweet_of=tweet)
        return EncodedTweet(one, self.tweets[one], deleted=False, visibility=0, body=self.body)

    async def read(self, before: int | None, first_retweet: int, limit: int) -> Page:
        hydration = Hydration(self)
        service = TimelineService(None, hydration, open_seeing())  # type: ignore[arg-type] - skeletons are given
        once = Once(self, hydration, RULES, before, first_retweet)
        return await service._read(self, once, open_seeing().home, before, limit, 0)

    async def read_newer(self, after: int, first_retweet: int, limit: int) -> Page:
        hydration = Hydration(self)
        service = TimelineService(None, hydration, open_seeing())  # type: ignore[arg-type] - skeletons are given
        once = OnceFromTop(self, hydration, RULES, after, first_retweet)
        return await service._read_newer(self, once, open_seeing().home, after, limit, 0)


def model(world: World) -> list[tuple[int, list[int]]]:
    """(Tweet, who retweeted it, the newest first) of a whole timeline, newest entry first."""
    by_itself = {one: one for one, author in world.tweets.items() if author in SHOWN | {OWNER}}
    ways: dict[int, list[int]] = {}
    for retweet, (user, tweet) in sorted(world.retweets.items(), reverse=True):
        seen = user in SHOWN | {OWNER} and world.tweets[tweet] != MUTED
        if seen and tweet not in by_itself:
            ways.setdefault(tweet, []).append(retweet)
    places = by_itself | {tweet: each[0] for tweet, each in ways.items()}
    newest = sorted(places, key=lambda tweet: places[tweet], reverse=True)
    return [(one, [world.retweets[each][0] for each in ways.get(one, ())]) for one in newest]


def made(authors: Sequence[int], retweets: Sequence[tuple[int, int]]) -> World:
    """Tweets and retweets in turn; each user retweets a tweet once, as the store sees to."""
    world = World(dict(enumerate(authors, 1)))
    pairs = dict.fromkeys((user, 1 + which % len(authors)) for user, which in retweets)
    world.retweets = dict(enumerate(pairs, 1 + len(authors)))
    return world


AUTHORS = st.lists(st.sampled_from([OWNER, 2, MUTED, STRANGER]), min_size=1, max_size=12)
RETWEETS = st.lists(
    st.tuples(st.sampled_from([OWNER, 2, 3, 4, MUTED, STRANGER]), st.integers(0, 11)), max_size=30
)
