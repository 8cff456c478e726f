"""What of a tweet goes into an index: each field is words, or a number, whatever the engine."""

from dataclasses import dataclass
from typing import Final

from services.platform.text.bounded_text import without_accents
from services.platform.text.words import has_links, hashtags, is_unspaced, mentions, words
from services.search.languages import UNKNOWN, language_of
from services.search.model import Kind, TweetText
from services.search.near_duplicates import bands
from services.search.stemming import is_stop_word, stem, stems

__all__ = ["CLOSED", "Analysed", "analyse"]

CLOSED: Final = "closed"
"""Among the kinds of a tweet that is not for everybody; nobody can ask for it."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """A tweet's fields of words; within each, words are separated by a space."""

    exact: str
    """Every word without its accents, in order: for phrases, and for what nobody stems."""
    stems: str
    """Stems by the tweet's language, without stop words; of any, where nobody knows it."""
    hashtags: str
    mentions: str
    kinds: str
    """Values of `Kind`, and `CLOSED`."""
    language: str
    bands: str
    """By which tweets are found that say nearly the same; of what is not for everybody none, or it
    would stand for one that is."""


def analyse(tweet: TweetText) -> Analysed:
    """Analyse a tweet; a fraction of a millisecond."""
    language = language_of(tweet.text, tweet.language)
    found = words(tweet.text)
    kinds = {Kind.LINKS: has_links(tweet.text), Kind.REPLIES: tweet.is_reply}
    of_kinds = [kind.value for kind, holds in kinds.items() if holds]
    return Analysed(
        exact=" ".join(map(without_accents, found)),
        stems=" ".join(_stems(language, found)),
        hashtags=" ".join(hashtags(tweet.text)),
        mentions=" ".join(mentions(tweet.text)),
        kinds=" ".join((*of_kinds, *(() if tweet.is_public else (CLOSED,)))),
        language=language,
        bands=" ".join(bands(tweet.text)) if tweet.is_public else "",
    )


def _stems(language: str, found: list[str]) -> list[str]:
    kept: list[str] = []
    for word in found:
        if is_unspaced(word):
            # Whoever asks for one character finds it in the pairs, too.
            kept += dict.fromkeys((without_accents(word), *word))
        elif language == UNKNOWN:
            # Of any language: then whoever asks for another inflection finds it all the same.
            kept += stems(word)
        elif not is_stop_word(language, word):
            kept.append(stem(language, word))
    return kept
