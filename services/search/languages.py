"""In which language a text is, where nobody said: by its script, then by its stop words.

For stemming alone, which a wrong guess makes a little coarser: whoever asks is compared with the
stems of all languages.
"""

import re
from collections.abc import Sequence
from typing import Final

from services.platform.text.words import words
from services.search.stemming import LANGUAGES, stop_words_in

__all__ = ["UNKNOWN", "guess", "language_of", "primary"]

UNKNOWN: Final = "und"
"""BCP 47 has it for an undetermined language."""

_SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("fa", re.compile("[\u067e\u0686\u0698\u06af]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("uk", re.compile("[\u0404\u0406\u0407\u0454\u0456\u0457\u0490\u0491]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
"""The first whose characters a text has: Kana tells Japanese from Chinese, letters of its own tell
Ukrainian from Russian, and Persian from Arabic."""
_LATIN: Final = tuple(sorted(set(LANGUAGES) - {"ar", "el", "ru", "ta"}))
_NOT_WORDS: Final = re.compile(r"https?://\S+|[@#]\w+")
CERTAIN: Final = 2
"""Stop words that a text has at least in a language that it is taken to be in: one alone may be a
word of many languages."""


def language_of(text: str, said: str) -> str:
    """Give the primary language of a text: what was `said` (BCP 47), else a guess."""
    return primary(said) or guess(words(_NOT_WORDS.sub(" ", text)))


def guess(known: Sequence[str]) -> str:
    """Guess the language of words, `UNKNOWN` where two are as likely, or too little says so."""
    joined = " ".join(known)
    if not joined.isascii():
        for language, script in _SCRIPTS:
            if script.search(joined):
                return language
    counts = sorted((-stop_words_in(each, known), each) for each in _LATIN)
    (most, best), (next_most, _) = counts[:2]
    return best if -most >= CERTAIN and most < next_most else UNKNOWN


def primary(tag: str) -> str:
    """Give the language of a BCP 47 tag without script and region; empty for none."""
    return tag.partition("-")[0].lower()
