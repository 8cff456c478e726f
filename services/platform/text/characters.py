"""Which characters people may write, and when a text shows nothing: one rule for every field.

Refused are characters that are none (control characters, halves of surrogate pairs, noncharacters)
and those that turn the text around them: embeddings and overrides (Unicode Bidirectional Algorithm,
UAX #9, section 2), and isolates that are not closed, which would turn what is shown behind them.
Marks of direction, which honest Arabic and Hebrew need, joiners, variation selectors and closed
isolates stay: they show in what stands beside them, and a text of nothing else is blank.
"""

import re
from typing import Final

from services.platform.errors import InvalidArgumentError

__all__ = ["check_characters", "is_blank"]

_PLANES: Final = range(0, 0x110000, 0x10000)
_REFUSED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\u202a-\u202e"
    # The last two of each plane.
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in _PLANES)
    + "]"
)
_LINES: Final = re.compile("[\t\n\u2028\u2029]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_TURNING: Final = re.compile("[\u202a-\u202e]")
_ISOLATES: Final = re.compile("[\u2066-\u2069]")
_CLOSES_ISOLATE: Final = "\u2069"
_CONTROLS_END: Final = 0xA0

_INVISIBLE: Final = re.compile(
    # Default_Ignorable_Code_Point (UAX #44), whose ranges never shrink ...
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # ... and what is a symbol, but has no ink: blank Braille, a note without a head, blank
    # hieroglyphs, a Khitan filler.
    "\u2800\U0001d159\U00013441\U00013442\U00016fe4]+"
)


def check_characters(field: str, text: str, *, lines: bool) -> None:
    """Raise `InvalidArgumentError` on `field` for a character that it must not have.

    Newlines and tabs are for fields of several `lines`.
    """
    if text.isprintable() and text.isascii():
        return
    if found := _REFUSED.search(text):
        raise _contains(field, found.group())
    if not lines and (found := _LINES.search(text)):
        raise InvalidArgumentError(field, "must be one line, without tabs")
    open_isolates = 0
    for found in _ISOLATES.finditer(text):
        open_isolates += -1 if found.group() == _CLOSES_ISOLATE else 1
        if open_isolates < 0:
            break
    if open_isolates:
        raise InvalidArgumentError(field, "has an isolate of direction that is not closed")


def is_blank(text: str) -> bool:
    """Whether nothing of it would be seen."""
    return not _INVISIBLE.sub("", text).strip()


def _contains(field: str, char: str) -> InvalidArgumentError:
    if _SURROGATES.match(char):
        what = "a lone surrogate"
    elif _TURNING.match(char):
        what = "a character that turns the text around it"
    elif ord(char) < _CONTROLS_END:
        what = "a control character other than newline and tab"
    else:
        what = "an invalid character"
    return InvalidArgumentError(field, f"contains {what}, U+{ord(char):04X}")
