"""The fields of a shared index in OpenSearch, and tweets as its documents."""

from collections.abc import Mapping
from typing import Any, Final

from services.search.analysis import Analysed
from services.search.fields import (
    EXACT,
    HASHTAGS,
    ID,
    KEYWORDS,
    NUMBERS,
    STEMS,
    numbers_of,
    words_of,
)
from services.search.model import TweetText
from services.search.stemming import ANALYSIS

__all__ = ["INDEX", "document", "mapping"]

MAPPING: Final = 1
"""Version of the fields as they are here, as `ANALYSIS` is: an index of another is built beside
it."""
INDEX: Final = f"aviary-tweets-{ANALYSIS}-{MAPPING}"
"""The alias under which the index is read and written; processes of one release agree on it."""

_WORDS: Final = "words"
"""The analyser: texts come cut into words already."""
LONGEST_WORD: Final = 1_000
"""Characters: a tweet may be one word. Longer ones are cut, at 255 unless told otherwise."""
TOMBSTONES_KEPT: Final = "10m"
"""How long the version of a deletion is remembered: far longer than a write is under way, so that
none which comes late brings a deleted tweet back."""


def mapping(alias: str) -> dict[str, Any]:
    """Give what an index is made with. How many shards and copies is left to the cluster."""
    keyword = {"type": "keyword", "doc_values": False}
    return {
        "aliases": {alias: {}},
        "settings": {
            "index": {
                "gc_deletes": TOMBSTONES_KEPT,
                # The newest are found without a look at the rest.
                "sort.field": ID,
                "sort.order": "desc",
            },
            "analysis": {
                "tokenizer": {_WORDS: {"type": "whitespace", "max_token_length": LONGEST_WORD}},
                "analyzer": {_WORDS: {"type": "custom", "tokenizer": _WORDS}},
            },
        },
        "mappings": {
            "dynamic": "strict",
            # The tweets have the texts; here they are words to be found by, and no copy.
            "_source": {"enabled": False},
            "properties": {
                **{each: {"type": "long"} for each in NUMBERS},
                EXACT: {"type": "text", "analyzer": _WORDS, "index_options": "positions"},
                STEMS: {"type": "text", "analyzer": _WORDS, "index_options": "freqs"},
                **dict.fromkeys(KEYWORDS, keyword),
                # These are counted as well.
                HASHTAGS: {"type": "keyword"},
            },
        },
    }


def document(
    tweet: TweetText, known: Analysed, *, group: int, generation: int
) -> Mapping[str, Any]:
    """Build the document of a tweet."""
    texts = words_of(known)
    numbers = numbers_of(tweet, group=group, generation=generation)
    return {**numbers, **texts, **{each: texts[each].split() for each in KEYWORDS}}
