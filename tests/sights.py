"""How readers stand to authors, as a test has it: strangers who may see each other, unless said."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from services.platform.drawing.heard_values import HeardValues
from services.platform.errors import UnavailableError
from services.platform.muting.messages import read_said
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.visibility.rule import Regard, Sight
from services.timeline.model import EncodedTweet
from services.timeline.protection import KnownProtection
from services.timeline.seeing import Seeing


@dataclass
class SetSights:
    """A `Sights`; keeps how it was asked."""

    known: dict[tuple[int, int], Sight] = field(default_factory=dict)
    """By (reader, author)."""
    muted: set[int] = field(default_factory=set)
    """Authors whom nobody wants to see."""
    words: dict[int, MutedWords] = field(default_factory=dict)
    """What readers have muted."""
    asked: list[frozenset[tuple[int, int]]] = field(default_factory=list)
    fails: bool = False

    async def of(self, reader: int, author_ids: Collection[int]) -> dict[int, Sight]:
        found = await self.of_pairs([(reader, author) for author in author_ids])
        return {author: sight for (_, author), sight in found.items()}

    async def unasked(self, reader: int, author_ids: Collection[int]) -> Regard:
        return Regard(await self.of(reader, author_ids), self.words.get(reader, NOTHING_MUTED))

    async def of_pairs(self, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Sight]:
        if self.fails:
            raise UnavailableError("no answer")
        self.asked.append(frozenset(pairs))
        return {pair: self.known.get(pair, Sight(muting=pair[1] in self.muted)) for pair in pairs}


class Quoted:
    """Tweets that others quote: as a timeline reads them."""

    def __init__(self, tweets: Collection[EncodedTweet] = ()) -> None:
        self.tweets = {tweet.tweet_id: tweet for tweet in tweets}
        self.asked: list[int] = []
        self.fails = False

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        if self.fails:
            raise UnavailableError("no answer")
        self.asked += tweet_ids
        return {one: self.tweets[one] for one in tweet_ids if one in self.tweets}


def open_seeing(sights: SetSights | None = None, quoted: Quoted | None = None) -> Seeing:
    """A timeline's, of authors whom all may see."""
    known = sights or SetSights()
    return Seeing(known, KnownProtection(known, HeardValues[bool]()), quoted or Quoted(), read_said)


class NoHandles:
    """Nobody has a handle."""

    async def owners(self, _handles: Sequence[str]) -> frozenset[int]:
        return frozenset()


class NoProtection:
    """Keeps what it was told of who is protected."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, bool]] = []
        self.fails = False

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> None:
        if self.fails:
            raise UnavailableError("no answer")
        self.told.append((user_id, revision, protected))
