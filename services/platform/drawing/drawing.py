"""All that an answer with tweets carries beside them: figures of each, and `includes`."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from operator import attrgetter
from typing import Final

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.drawing.expansions import DEFAULT, Expansion
from services.platform.drawing.figures import Figures
from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.outage import Spared
from services.platform.drawing.pieces import TweetPiece
from services.platform.drawing.ports import (
    DrawnTweet,
    Mentioned,
    ReferencedTweets,
    UserPiece,
)
from services.platform.drawing.wire import field_head
from services.platform.muting.messages import read_said
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.rpc.json_answers import JsonPieces
from services.platform.visibility.messages import read_facts
from services.platform.visibility.ports import Sights
from services.platform.visibility.seen import seen_among

__all__ = ["Drawing", "Drawn"]

REFERENCED_BYTES: Final = 2_500_000
"""Of a page and the tweets that are included with it: an edge passes answers of up to 4 MB on. Only
texts of many of the longest URLs come to as much; of those some are left out."""
JSON_TWEETS: Final = 2_000
"""Included tweets whose JSON is kept: about 1 MB."""
USERS: Final = 1_000
"""Included users of one answer but for those mentioned: what one call looks up."""
MENTIONS: Final = 300
"""Mentioned users of one answer: more than any page but one that was made for it."""
_USERS, _TWEETS = 1, 2
"""The fields of `aviary.tweet.v1.Includes`."""

_id_of = attrgetter("tweet_id")
_author_of = attrgetter("author_id")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What goes with the tweets of one answer."""

    pieces: Sequence[TweetPiece]
    """Of each tweet."""
    users: Sequence[UserPiece] = ()
    tweets: Sequence[tuple[bytes, bytes]] = ()
    """Those that are included, encoded and as JSON."""

    @property
    def includes(self) -> bytes:
        """Encode `aviary.tweet.v1.Includes`; empty where nothing is included."""
        parts: list[bytes] = []
        for user in self.users:
            parts += (field_head(_USERS, len(user.encoded)), user.encoded)
        for encoded, _ in self.tweets:
            parts += (field_head(_TWEETS, len(encoded)), encoded)
        return b"".join(parts)

    @property
    def includes_json(self) -> bytes:
        """Write the same as JSON; empty where nothing is included."""
        if not self.users and not self.tweets:
            return b""
        users = b",".join([user.json for user in self.users])
        return b'{"users":[%b],"tweets":[%b]}' % (users, b",".join([own for _, own in self.tweets]))


class Drawing:
    """Draws tweets of any answer; what a source does not give in time is left out, and counted."""

    def __init__(
        self,
        figures: Figures,
        users: LookedUp[UserPiece],
        mentioned: Mentioned,
        referenced: ReferencedTweets,
        sights: Sights,
    ) -> None:
        self._figures = figures
        self._users = users
        self._mentioned = mentioned
        self._referenced = referenced
        self._sights = sights
        self._naming = Spared("users")
        self._referring = Spared("referenced")
        self._json = JsonPieces(Tweet, JSON_TWEETS)

    async def draw(  # noqa: PLR0913 - all that answers differ in
        self,
        tweets: Sequence[DrawnTweet],
        viewer: int,
        *,
        withheld: int,
        expansions: frozenset[Expansion] = DEFAULT,
        mark: bytes = b"",
        named: Iterable[int] = (),
        words: MutedWords = NOTHING_MUTED,
    ) -> Drawn:
        """Draw tweets for a viewer (0: nobody in particular).

        Where they are shown unasked, tweets are not included that say any of the viewer's muted
        `words`.

        `mark` and `withheld` are as `Figures` says; none has a default: who forgets to ask what the
        app may not know would tell it. With the authors come other users that the
        answer has `named`, up to `USERS` of both.
        """
        if not tweets:
            return Drawn(())
        shown: Sequence[DrawnTweet] = ()
        if not expansions.isdisjoint(_OF_TWEETS):
            shown = _unmuted(await self._about(tweets, viewer, expansions), viewer, words)
        drawn = [*tweets, *shown]
        ids = list(map(_id_of, drawn))
        authors: list[int] = []
        if Expansion.AUTHOR in expansions:
            authors = list(islice(dict.fromkeys(chain(map(_author_of, drawn), named)), USERS))
        kept = self._users.kept(authors)
        if kept is None:
            pieces, users = await asyncio.gather(
                self._figures.of(ids, viewer, mark, withheld), self._named(authors)
            )
        else:
            pieces, users = await self._figures.of(ids, viewer, mark, withheld), kept
        if Expansion.MENTIONED in expansions:
            users = [*users, *await self._meant(drawn, frozenset(authors))]
        included = [
            (tweet.body + piece.encoded, self._json.open_of(tweet.body) + piece.json)
            for tweet, piece in zip(shown, pieces[len(tweets) :], strict=True)
        ]
        return Drawn(pieces[: len(tweets)], [user for user in users if user.json], included)

    async def _named(self, user_ids: Sequence[int]) -> list[UserPiece]:
        return await self._naming.ask(lambda: self._users.get_many(user_ids)) or []

    async def _meant(
        self, tweets: Sequence[DrawnTweet], known: Collection[int]
    ) -> Sequence[UserPiece]:
        """Read who is mentioned in these tweets, but for those who are known."""
        handles = _mentions(tweets)
        if not handles:
            return ()
        found = await self._naming.ask(lambda: self._mentioned.mentioned(handles)) or {}
        return [user for user_id, user in found.items() if user_id not in known]

    async def _about(
        self, tweets: Sequence[DrawnTweet], viewer: int, expansions: Collection[Expansion]
    ) -> Sequence[DrawnTweet]:
        """Read the tweets that these are about, as far as the viewer may see and wants to."""
        wanted = _references(tweets, expansions)
        if not wanted:
            return ()

        async def look() -> Sequence[DrawnTweet]:
            found = await self._referenced.referenced(wanted)
            # Both or neither: without knowing what may be seen nothing is shown.
            facts = {one: read_facts(tweet.body) for one, tweet in found.items()}
            shown = await seen_among(self._sights, viewer, facts, unasked=True)
            return [found[one] for one in wanted if one in shown]

        seen = await self._referring.ask(look)
        if not seen:
            return ()
        room = REFERENCED_BYTES - sum(len(tweet.body) for tweet in tweets)
        sizes = accumulate(len(tweet.body) for tweet in seen)
        return [tweet for tweet, size in zip(seen, sizes, strict=True) if size <= room]


def _unmuted(tweets: Sequence[DrawnTweet], viewer: int, words: MutedWords) -> Sequence[DrawnTweet]:
    if not words:
        return tweets
    return [
        tweet
        for tweet in tweets
        if tweet.author_id == viewer or not words.hide(read_said(tweet.body).text)
    ]


_OF_TWEETS: Final = frozenset({Expansion.ANSWERED, Expansion.QUOTED})


def _references(tweets: Sequence[DrawnTweet], expansions: Collection[Expansion]) -> list[int]:
    """The ids that tweets refer to, each once, in the order of the tweets."""
    found: dict[int, None] = {}
    for each in tweets:
        tweet = Tweet.FromString(each.body)
        if Expansion.ANSWERED in expansions:
            found[tweet.in_reply_to_tweet_id] = None
        if Expansion.QUOTED in expansions:
            found[tweet.quote_tweet_id] = None
    found.pop(0, None)
    return list(found)


def _mentions(tweets: Sequence[DrawnTweet]) -> list[str]:
    """The handles that are mentioned, each once, the first `MENTIONS` of them."""
    found = dict.fromkeys(
        mention.username.lower()
        for each in tweets
        for mention in Tweet.FromString(each.body).entities.mentions
    )
    return list(islice(found, MENTIONS))
