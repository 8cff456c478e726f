"""Names of users: the unique handle and the display name."""

import re
import unicodedata

from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import MAX_EXPANSION, normalized

__all__ = [
    "MAX_DISPLAY_NAME_CHARS",
    "MAX_HANDLE_CHARS",
    "canonical",
    "validate_display_name",
    "validate_handle",
]

MAX_HANDLE_CHARS = 15
"""As on Twitter; short enough for a mention to leave room for the text."""

MAX_DISPLAY_NAME_CHARS = 50
"""As on Twitter; counted in code points after normalisation."""

MAX_RAW_DISPLAY_NAME_CHARS = MAX_EXPANSION * MAX_DISPLAY_NAME_CHARS
"""More code points cannot compose to as few characters; the space around a name counts here."""

_HANDLE = re.compile(rf"[A-Za-z0-9_]{{1,{MAX_HANDLE_CHARS}}}")

_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, lone surrogates (no UTF-8 form), and the two line-breaking separators."""


def validate_handle(handle: str) -> str:
    """Check a handle, whose case is kept for display; `InvalidArgumentError` on `handle`."""
    if _HANDLE.fullmatch(handle) is None:
        raise InvalidArgumentError(
            "handle", f"must be 1 to {MAX_HANDLE_CHARS} of A-Z, a-z, 0-9 and _"
        )
    return handle


def canonical(handle: str) -> str:
    """Give the form in which valid handles are unique: lower case."""
    return handle.lower()


def validate_display_name(name: str) -> str:
    """Check a name and give it trimmed and in NFC; `InvalidArgumentError` on `display_name`."""
    wanted = f"must be 1 to {MAX_DISPLAY_NAME_CHARS} characters"
    trimmed = normalized(
        "display_name", name, most=MAX_RAW_DISPLAY_NAME_CHARS, wanted=wanted
    ).strip()
    if not 1 <= len(trimmed) <= MAX_DISPLAY_NAME_CHARS:
        raise InvalidArgumentError("display_name", wanted)
    if any(unicodedata.category(char) in _REFUSED_CATEGORIES for char in trimmed):
        raise InvalidArgumentError("display_name", "must not contain control characters")
    return trimmed
