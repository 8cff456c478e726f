"""Names of users: the unique handle and the display name."""

import re

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import MAX_EXPANSION, normalized
from services.platform.text.characters import check_characters, is_blank
from services.platform.text.reserved_handles import is_reserved

__all__ = [
    "MAX_BIO_CHARS",
    "MAX_DISPLAY_NAME_CHARS",
    "MAX_HANDLE_CHARS",
    "canonical",
    "is_handle",
    "validate_bio",
    "validate_display_name",
    "validate_handle",
    "validate_name",
    "validate_new_handle",
]

MAX_HANDLE_CHARS = 15
"""As on Twitter; short enough for a mention to leave room for the text."""

MAX_DISPLAY_NAME_CHARS = 50
"""As on Twitter; counted in code points after normalisation."""

MAX_BIO_CHARS = 160
"""As on Twitter; counted as names are."""

_HANDLE = re.compile(rf"[A-Za-z0-9_]{{1,{MAX_HANDLE_CHARS}}}")


def is_handle(text: str) -> bool:
    """Tell whether somebody could have this as a handle."""
    return _HANDLE.fullmatch(text) is not None


def validate_handle(handle: str) -> str:
    """Check a handle, whose case is kept for display; `InvalidArgumentError` on `handle`."""
    if not is_handle(handle):
        raise InvalidArgumentError(
            "handle", f"must be 1 to {MAX_HANDLE_CHARS} of A-Z, a-z, 0-9 and _"
        )
    return handle


def validate_new_handle(handle: str) -> str:
    """Check a handle that somebody wants to have; `InvalidArgumentError` (`HANDLE_RESERVED`)."""
    if is_reserved(validate_handle(handle)):
        raise InvalidArgumentError("handle", "is reserved", reason=Reason.HANDLE_RESERVED)
    return handle


def canonical(handle: str) -> str:
    """Give the form in which valid handles are unique: lower case."""
    return handle.lower()


def validate_display_name(name: str) -> str:
    """Check a user's name, as `validate_name`, on `display_name`."""
    return validate_name("display_name", name, most=MAX_DISPLAY_NAME_CHARS)


def validate_bio(bio: str) -> str:
    """Check what a user says of itself, as `validate_name`, on `bio`; an empty one is none."""
    return validate_name("bio", bio, most=MAX_BIO_CHARS) if bio else ""


def validate_name(field: str, name: str, *, most: int) -> str:
    """Check a name of at most `most` characters that people see, and give it trimmed and in NFC.

    Raises `InvalidArgumentError` on `field`, also for one that shows nothing.
    """
    wanted = f"must be 1 to {most} characters"
    trimmed = normalized(field, name, most=MAX_EXPANSION * most, wanted=wanted).strip()
    if not 1 <= len(trimmed) <= most:
        raise InvalidArgumentError(field, wanted)
    check_characters(field, trimmed, lines=False)
    if is_blank(trimmed):
        raise InvalidArgumentError(field, "must not be blank")
    return trimmed
