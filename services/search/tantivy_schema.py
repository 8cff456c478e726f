"""The fields of the index, and tweets as its documents."""

from functools import cache
from typing import Final

from tantivy import Document, Index, Schema, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

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
    "KINDS",
    "LANGUAGE",
    "MENTIONS",
    "STEMS",
    "document",
    "register",
    "schema",
]

ID: Final = "id"
AUTHOR: Final = "author"
ANSWERED: Final = "answered"
"""Whose tweet it answers."""
GROUP: Final = "group"
"""The first tweet of those that say nearly the same: its own id where it was the first."""
GENERATION: Final = "generation"
EXACT: Final = "exact"
STEMS: Final = "stems"
HASHTAGS: Final = "hashtags"
MENTIONS: Final = "mentions"
KINDS: Final = "kinds"
LANGUAGE: Final = "language"
BANDS: Final = "bands"
_WORDS: Final = "words"
"""The tokenizer: texts come cut into words already."""


@cache
def schema() -> Schema:
    """Build the schema. An index of another one is refused when it is opened."""
    builder = SchemaBuilder()
    for number in (ID, AUTHOR, ANSWERED, GROUP, GENERATION):
        builder.add_unsigned_field(number, indexed=True, fast=True)
    builder.add_text_field(EXACT, tokenizer_name=_WORDS, index_option="position")
    builder.add_text_field(STEMS, tokenizer_name=_WORDS, index_option="freq")
    for words in (HASHTAGS, MENTIONS, KINDS, LANGUAGE, BANDS):
        # Hashtags are counted as well.
        counted = words == HASHTAGS
        builder.add_text_field(words, fast=counted, tokenizer_name=_WORDS, index_option="basic")
    return builder.build()


def register(index: Index) -> None:
    """Have an index cut texts at their spaces."""
    analyzer = TextAnalyzerBuilder(Tokenizer.whitespace()).build()
    index.register_tokenizer(_WORDS, analyzer)
    index.register_fast_field_tokenizer(_WORDS, analyzer)


def document(tweet: TweetText, known: Analysed, *, group: int, generation: int) -> Document:
    """Build the document of a tweet."""
    made = Document()
    for number, value in (
        (ID, tweet.tweet_id),
        (AUTHOR, tweet.author_id),
        (ANSWERED, tweet.answered_author_id),
        (GROUP, group),
        (GENERATION, generation),
    ):
        made.add_unsigned(number, value)
    for words, text in (
        (EXACT, known.exact),
        (STEMS, known.stems),
        (HASHTAGS, known.hashtags),
        (MENTIONS, known.mentions),
        (KINDS, known.kinds),
        (LANGUAGE, known.language),
        (BANDS, known.bands),
    ):
        made.add_text(words, text)
    return made
