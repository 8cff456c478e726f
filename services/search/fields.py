"""The fields of an index, whatever the engine: their names, and what a tweet has in each."""

from typing import Final

from services.search.analysis import Analysed
from services.search.model import TweetText

__all__ = [
    "ANSWERED",
    "AUTHOR",
    "BANDS",
    "EXACT",
    "GENERATION",
    "GROUP",
    "HASHTAGS",
    "ID",
    "KEYWORDS",
    "KINDS",
    "LANGUAGE",
    "MENTIONS",
    "NUMBERS",
    "STEMS",
    "numbers_of",
    "words_of",
]

ID: Final = "id"
AUTHOR: Final = "author"
ANSWERED: Final = "answered"
"""Whose tweet it answers."""
GROUP: Final = "group"
"""The first tweet of those that say nearly the same: its own id where it was the first."""
GENERATION: Final = "generation"
NUMBERS: Final = (ID, AUTHOR, ANSWERED, GROUP, GENERATION)

EXACT: Final = "exact"
"""The one field whose words have places, for phrases."""
STEMS: Final = "stems"
HASHTAGS: Final = "hashtags"
"""The one field of words that is counted as well."""
MENTIONS: Final = "mentions"
KINDS: Final = "kinds"
LANGUAGE: Final = "language"
BANDS: Final = "bands"
KEYWORDS: Final = (HASHTAGS, MENTIONS, KINDS, LANGUAGE, BANDS)
"""Fields of words that a tweet has or has not, however often."""


def numbers_of(tweet: TweetText, *, group: int, generation: int) -> dict[str, int]:
    """Give what a tweet has in each of `NUMBERS`."""
    return {
        ID: tweet.tweet_id,
        AUTHOR: tweet.author_id,
        ANSWERED: tweet.answered_author_id,
        GROUP: group,
        GENERATION: generation,
    }


def words_of(known: Analysed) -> dict[str, str]:
    """Give what a tweet has in each field of words, with a space between two."""
    return {
        EXACT: known.exact,
        STEMS: known.stems,
        HASHTAGS: known.hashtags,
        MENTIONS: known.mentions,
        KINDS: known.kinds,
        LANGUAGE: known.language,
        BANDS: known.bands,
    }
