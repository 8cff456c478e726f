"""The rule by which a tweet is shown to a reader or not; every read of tweets goes by it.

It looks at three things: for whom the author made the tweet, whether the author's account is
protected now, and how the reader stands to the author. What a reader would rather not see (muted
and blocked users) is no part of it: a timeline leaves that out, and a tweet that is asked for by
its id is shown all the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from services.platform.muting.words import NOTHING_MUTED, MutedWords

__all__ = [
    "NOT_KNOWN",
    "Regard",
    "Sight",
    "Visibility",
    "Visible",
    "may_see",
    "named",
    "visibility_of",
]


class Visibility(IntEnum):
    """For whom a tweet is, besides its author. The numbers are kept in caches."""

    PUBLIC = 0
    FOLLOWERS = 1
    MENTIONED = 2
    """Those whom it mentions."""
    CLOSED = 63
    """A newer release knows for whom: here, for nobody else."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How a reader stands to an author, as of one moment."""

    following: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    protected: bool = False
    """The author's tweets are for approved followers only."""

    @property
    def hidden(self) -> bool:
        """Whether the reader is to see nothing of the author where they did not ask for it."""
        return self.muting or self.blocking or self.blocked_by


@dataclass(frozen=True, slots=True)
class Regard:
    """How a reader stands to authors, and what the reader has muted, as of one moment."""

    sights: Mapping[int, Sight]
    words: MutedWords = NOTHING_MUTED


NOT_KNOWN: Final = Sight(protected=True)
"""Where nobody can say how a reader stands to an author: as a stranger to a protected one."""


class Visible(Protocol):
    """What the rule asks of a tweet."""

    @property
    def author_id(self) -> int:
        """Whose it is."""
        ...

    @property
    def visibility(self) -> int:
        """The number of a `Visibility`."""
        ...

    @property
    def audience(self) -> Collection[int]:
        """Whom it mentions, of one that is for those."""
        ...


def may_see(tweet: Visible, reader: int, sight: Sight) -> bool:
    """Whether a reader (0: nobody in particular) may see a tweet, by how they stand to its author.

    A protected account shows nothing to who does not follow it, also not to whom it mentions.
    """
    if reader and reader == tweet.author_id:
        return True
    if sight.blocked_by or (sight.protected and not sight.following):
        return False
    match tweet.visibility:
        case Visibility.PUBLIC:
            return True
        case Visibility.FOLLOWERS:
            return sight.following
        case Visibility.MENTIONED:
            return bool(reader) and reader in tweet.audience
        case _:
            return False


_NAMES: Final = {
    "": Visibility.PUBLIC,
    "public": Visibility.PUBLIC,
    "followers": Visibility.FOLLOWERS,
    "mentioned": Visibility.MENTIONED,
}


def visibility_of(name: str) -> Visibility:
    """Read the name that messages and rows have; one that is not known here is `CLOSED`."""
    return _NAMES.get(name, Visibility.CLOSED)


def named(visibility: Visibility) -> str:
    """Give the name for messages and rows; empty for `PUBLIC`, which goes without."""
    return "" if visibility is Visibility.PUBLIC else visibility.name.lower()
