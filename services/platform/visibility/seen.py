"""Which of some tweets a reader may see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.platform.muting.messages import read_said
from services.platform.muting.said import Look, muted_among
from services.platform.muting.words import MutedWords
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import NOT_KNOWN, Regard, Sight, Visible, may_see

__all__ = ["EncodedVisible", "Shown", "TweetFacts", "seen_among", "shown_among"]

_OWN = Sight()


@dataclass(frozen=True, slots=True)
class TweetFacts:
    """What the rule asks of a tweet; a `Visible`."""

    author_id: int
    visibility: int = 0
    audience: Collection[int] = ()


class EncodedVisible(Visible, Protocol):
    """What is asked of a tweet that is shown unasked."""

    @property
    def body(self) -> bytes:
        """An encoded `aviary.tweet.v1.Tweet`."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader is shown unasked."""

    keys: frozenset[int]
    words: MutedWords
    """What the reader has muted: by this too goes what is shown with the tweets."""


async def shown_among(
    sights: Sights, reader: int, tweets: Mapping[int, EncodedVisible], quoted: Look
) -> Shown:
    """Say which of some tweets, by any key, a reader is shown unasked; by one call.

    Without muted and blocked authors, and what the reader has muted. `quoted` is asked where
    anything is. Raises `UnavailableError`.
    """
    authors = {each.author_id for each in tweets.values()} - {reader}
    regard = await sights.unasked(reader, authors) if authors else Regard({})
    seen = _seen(reader, tweets, regard.sights, unasked=True)
    bodies = {key: tweets[key].body for key in seen}
    muted = await muted_among(regard.words, reader, bodies, quoted, read=read_said)
    return Shown(seen - muted, regard.words)


async def seen_among(
    sights: Sights, reader: int, tweets: Mapping[int, Visible], *, unasked: bool
) -> frozenset[int]:
    """Say which of some tweets, by any key, a reader may see; by one call.

    Where they are shown `unasked` also muted and blocked authors are left out. Raises
    `UnavailableError`.
    """
    authors = {each.author_id for each in tweets.values()} - {reader}
    found = await sights.of(reader, authors) if authors else {}
    return _seen(reader, tweets, found, unasked=unasked)


def _seen(
    reader: int, tweets: Mapping[int, Visible], sights: Mapping[int, Sight], *, unasked: bool
) -> frozenset[int]:
    found = {**sights, reader: _OWN}
    return frozenset(
        key
        for key, tweet in tweets.items()
        if may_see(tweet, reader, sight := found.get(tweet.author_id, NOT_KNOWN))
        and not (unasked and sight.hidden)
    )
