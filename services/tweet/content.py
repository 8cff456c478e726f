"""What an author says in a tweet: the text, what it refers to, and its language."""

import asyncio
from dataclasses import dataclass
from typing import Final

from services.platform.text.entities import NO_ENTITIES, Entities, find_entities
from services.platform.text.language_detection import detect_language
from services.platform.text.language_tags import canonical_language_tag
from services.tweet.text import validate_text

__all__ = ["Content", "read_content"]

LONG_CHARS: Final = 2_000
"""Only URLs make a text so long. It may take tens of milliseconds, so others are let in between."""


@dataclass(frozen=True, slots=True)
class Content:
    """Content of a tweet, all of it checked."""

    text: str
    entities: Entities
    given_language: str
    """BCP 47, as the author gave it; empty if none."""
    language: str
    """The same, or else what was detected; empty if that is not certain."""


async def read_content(text: str, language: str, *, may_be_empty: bool = False) -> Content:
    """Check what an author sent, and look what is in it.

    Raises `InvalidArgumentError` on `text` or `language`.
    """
    if may_be_empty and not text:
        given = _given(language)
        return Content("", NO_ENTITIES, given, given)
    if len(text) <= LONG_CHARS:
        return _read(text, language)
    return await asyncio.to_thread(_read, text, language)


def _given(language: str) -> str:
    return canonical_language_tag("language", language) if language else ""


def _read(text: str, language: str) -> Content:
    text = validate_text(text)
    given = _given(language)
    entities = find_entities(text)
    return Content(text, entities, given, given or detect_language(text, entities))
