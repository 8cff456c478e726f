"""Expansions: which objects that tweets refer to come with an answer, as X names them."""

from enum import Enum
from typing import Final

from services.platform.errors import InvalidArgumentError

__all__ = ["DEFAULT", "Expansion", "read_expansions"]


class Expansion(Enum):
    """What can be included. The value is its name for clients."""

    AUTHOR = "author_id"
    """The authors, also of the tweets that are included."""
    ANSWERED = "in_reply_to_tweet_id"
    """The tweets that are answered."""
    QUOTED = "quote_tweet_id"
    """The tweets that are quoted."""
    MENTIONED = "entities.mentions"
    """The users who are mentioned, also in the tweets that are included."""


DEFAULT: Final = frozenset({Expansion.AUTHOR})
_KNOWN: Final = {each.value: each for each in Expansion}


def read_expansions(text: str) -> frozenset[Expansion]:
    """Read names with commas between; empty means `DEFAULT`.

    One that is named again is named. Raises `InvalidArgumentError` of `expansions` for one that is
    unknown, and for more names than there are.
    """
    if not text:
        return DEFAULT
    names = text.split(",", len(_KNOWN))
    if len(names) > len(_KNOWN) or not _KNOWN.keys() >= set(names):
        raise InvalidArgumentError(
            "expansions", f"must be some of {', '.join(_KNOWN)}, with commas between"
        )
    return frozenset(map(_KNOWN.__getitem__, names))
