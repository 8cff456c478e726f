"""Which language a text is in, where that can be told."""

import re
from typing import Final

import pycld2

from services.platform.text.entities import Entities

__all__ = ["UNDETECTED", "detect_language"]

UNDETECTED: Final = ""

_TODAYS: Final = {"iw": "he", "jw": "jv", "sr-ME": "sr", "zh-Hant": "zh"}
"""BCP 47 for what CLD2 calls otherwise; of short Chinese texts it cannot tell the script."""
_NO_LANGUAGE: Final = re.compile(r"un|xxx|xx-.*|zz.|tlh|ia|ie|vo")
"""Its codes for scripts, jokes and invented languages, which short texts look like by chance."""


def detect_language(text: str, entities: Entities) -> str:
    """Tell the language (BCP 47) of a text and its entities, or `UNDETECTED`.

    Names and URLs are in no language, so they are left out. Takes some 10 microseconds.
    """
    try:
        # By default it reads HTML, where what follows a `<` is a tag.
        is_reliable, _, details = pycld2.detect(_prose(text, entities), isPlainText=True)
    except pycld2.error:
        # It refuses some characters; callers refuse them, too, but that is not for them to know.
        return UNDETECTED
    code: str = details[0][1]
    if not is_reliable or _NO_LANGUAGE.fullmatch(code):
        return UNDETECTED
    return _TODAYS.get(code, code)


def _prose(text: str, entities: Entities) -> str:
    spans = [(each.start, each.end) for each in entities.mentions]
    spans += [(each.start, each.end) for each in entities.urls]
    parts, position = [], 0
    for start, end in sorted(spans):
        parts.append(text[position:start])
        position = end
    return "".join((*parts, text[position:])) if parts else text
