"""What is searched, and what can be asked."""

from dataclasses import dataclass
from enum import Enum

from services.platform.muting.words import NOTHING_MUTED, MutedWords

__all__ = [
    "Bounds",
    "Change",
    "Clause",
    "Found",
    "IndexReport",
    "IndexState",
    "Kind",
    "Query",
    "Sort",
    "Term",
    "TermKind",
    "Trend",
    "TweetPage",
    "TweetText",
]


class Sort(Enum):
    """In which order tweets are found."""

    NEWEST = "newest"
    RELEVANT = "relevant"


class Kind(Enum):
    """What a tweet is besides its text; the value is what follows `filter:`."""

    LINKS = "links"
    REPLIES = "replies"


class TermKind(Enum):
    """What a term of a query is about."""

    WORDS = "words"
    """A word, or what is written together as one, in any inflection."""
    PHRASE = "phrase"
    """Words in this order, as they are."""
    HASHTAG = "hashtag"
    MENTION = "mention"
    """A handle, in lower case."""
    FROM = "from"
    """The author: a handle as it was asked for, or an id where it has been looked up."""
    TO = "to"
    """Whose tweet is answered; as above."""
    LANGUAGE = "lang"
    FILTER = "filter"
    """The value of a `Kind`."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    kind: TermKind
    text: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition that must hold, or, `negated`, must not."""

    term: Term
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which ids count: `since` <= id < `before`; None leaves a side open."""

    since: int | None = None
    before: int | None = None

    def below(self, before: int | None) -> "Bounds":
        """Return the part of it below an id (None: all of it)."""
        if before is None:
            return self
        return Bounds(self.since, before if self.before is None else min(self.before, before))


@dataclass(frozen=True, slots=True)
class Query:
    """What tweets must be like. Every clause holds; `hidden` authors are left out."""

    clauses: tuple[Clause, ...]
    bounds: Bounds
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TweetText:
    """A tweet as it is searched."""

    tweet_id: int
    author_id: int
    text: str
    language: str
    """BCP 47; empty where nobody said."""
    answered_author_id: int
    """Whose tweet it answers; 0 where it answers none, or one that is gone."""
    is_reply: bool
    is_public: bool = True
    """For everybody, by an author who is not protected, as of when it was put into an index."""


@dataclass(frozen=True, slots=True)
class Found:
    """Ids in the order asked for."""

    ids: tuple[int, ...]
    ended: bool
    """Whether nothing that was asked for comes behind them."""


@dataclass(frozen=True, slots=True)
class TweetPage:
    """A page of tweets, each as its service encoded it."""

    tweets: tuple[bytes, ...]
    resume: int | None
    """What the next page goes on from; None at the end."""
    words: MutedWords = NOTHING_MUTED
    """What the reader has muted."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A hashtag that more people use than they did."""

    hashtag: str
    authors: int
    """Who used it lately, each counted once."""


@dataclass(frozen=True, slots=True)
class Change:
    """An entry in the list of changes."""

    key: bytes
    """Sorts by time; no two are the same."""
    at_ms: int
    """Unix milliseconds by the clock of whoever wrote it."""
    tweet_ids: tuple[int, ...]
    rebuild: bool
    """Whether every replica is to build its index anew; then there are no ids."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far one replica's index is. Kept beside it, and never ahead of it."""

    seen_ms: int
    """The date of the last change that is in the index; Unix milliseconds."""
    generation: int
    """Of what is written now; a tweet of an earlier one was not seen by the rebuild under way."""
    rebuilding: bool = False
    rebuilt_after: int = 0
    """The last tweet that the rebuild has read, in the order of the tweets' own store."""
    percent: int = 0
    """How much of the rebuild is done."""
    has_all: bool = True
    """Whether it was built once to its end: what it lacks since then is listed."""
    rebuild_key: str = ""
    """The last request to build it anew that was seen: the key of its entry."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a replica says of its index."""

    replica: str
    tweets: int
    rebuilding: bool
    percent: int
    seen_ms: int
    """All changes up to this time are in it; Unix milliseconds."""
    reported_ms: int
    """Unix milliseconds."""
