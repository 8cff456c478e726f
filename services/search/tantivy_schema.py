"""The schema of an index of Tantivy, and tweets as its documents."""

from functools import cache
from typing import Final

from tantivy import Document, Index, Schema, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from services.search.analysis import Analysed
from services.search.fields import (
    EXACT,
    HASHTAGS,
    KEYWORDS,
    NUMBERS,
    STEMS,
    numbers_of,
    words_of,
)
from services.search.model import TweetText

__all__ = ["document", "register", "schema"]

_WORDS: Final = "words"
"""The tokenizer: texts come cut into words already."""


@cache
def schema() -> Schema:
    """Build the schema. An index of another one is refused when it is opened."""
    builder = SchemaBuilder()
    for number in NUMBERS:
        builder.add_unsigned_field(number, indexed=True, fast=True)
    builder.add_text_field(EXACT, tokenizer_name=_WORDS, index_option="position")
    builder.add_text_field(STEMS, tokenizer_name=_WORDS, index_option="freq")
    for words in KEYWORDS:
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
    for number, value in numbers_of(tweet, group=group, generation=generation).items():
        made.add_unsigned(number, value)
    for words, text in words_of(known).items():
        made.add_text(words, text)
    return made
