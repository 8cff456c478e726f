"""Names as they are searched: without case, accents, and all but letters and digits."""

import unicodedata
from typing import Final

from services.platform.text.bounded_text import caseless, without_accents
from services.user.model import User

__all__ = ["first_name", "folded", "names_of"]

MAX_NAME_CHARS: Final = 64
"""Of a name that is searched: some characters of a display name become several words."""
MAX_WORDS: Final = 10
"""Of a handle or a display name, by whose beginning it is found."""


def folded(text: str) -> str:
    """Give the words of a text that was taken before, with a space between; perhaps none."""
    plain = without_accents(caseless(text))
    return " ".join("".join(map(_kept, plain)).split())[:MAX_NAME_CHARS].rstrip()


def names_of(user: User) -> frozenset[str]:
    """Give what begins with a word of the user's handle or display name, and goes on to its end."""
    return frozenset(
        " ".join(words[start:])
        for text in (user.handle, user.display_name)
        for words in [folded(text).split()]
        for start in range(min(len(words), MAX_WORDS))
    )


def first_name(user: User, prefix: str) -> str | None:
    """Give the first, by their letters, of a user's names that begin so; None if none does."""
    # As keys sort, so that a list which is read from its beginning has it first.
    return min(
        (name for name in names_of(user) if name.startswith(prefix)), key=str.encode, default=None
    )


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LNM":
        return character
    # Joiners are within words.
    return "" if category == "Cf" else " "
