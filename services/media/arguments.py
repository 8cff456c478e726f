"""What is refused of arguments, in the same words everywhere."""

import re
from typing import Final

from services.media.model import CONTENT_TYPES, MAX_UPLOAD_BYTES
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.text.bounded_text import MAX_EXPANSION, normalized
from services.platform.text.characters import check_characters

__all__ = ["MAX_ALT_CHARS", "check_content_type", "check_size", "no_media", "validate_alt_text"]

MAX_ALT_CHARS: Final = 1_000
"""Characters (code points): a paragraph, which somebody has to listen to."""
_ALT_WANTED: Final = f"must be at most {MAX_ALT_CHARS} characters"
_LINE_ENDS: Final = re.compile("\r\n?")


def check_content_type(content_type: str) -> None:
    """Raise `InvalidArgumentError` for a type that is not taken; empty is none."""
    if content_type and content_type not in CONTENT_TYPES:
        raise InvalidArgumentError("content_type", f"must be one of {', '.join(CONTENT_TYPES)}")


def check_size(size: int) -> None:
    """Raise `InvalidArgumentError` for more bytes than are taken; 0 is not said."""
    if not 0 <= size <= MAX_UPLOAD_BYTES:
        raise InvalidArgumentError("size", f"must be 1 to {MAX_UPLOAD_BYTES} bytes, is {size}")


def validate_alt_text(text: str) -> str:
    """Give what there is to see in a normal form (NFC), with lines that end in U+000A.

    Raises `InvalidArgumentError` for more than `MAX_ALT_CHARS`, more combining marks in a row than
    any language has, and what `check_characters` refuses.
    """
    most = MAX_ALT_CHARS * MAX_EXPANSION
    text = normalized("alt_text", text, most=most, wanted=_ALT_WANTED)
    text = _LINE_ENDS.sub("\n", text)
    check_characters("alt_text", text, lines=True)
    if len(text) > MAX_ALT_CHARS:
        raise InvalidArgumentError("alt_text", _ALT_WANTED)
    return text


def no_media(media_id: int, field: str = "media_id") -> NotFoundError:
    """Build the answer to an id that names no picture, or none that the caller may see."""
    return NotFoundError(
        f"{field}: no picture {media_id}",
        reason=Reason.MEDIA_NOT_FOUND,
        metadata={"field": field, "media_id": str(media_id)},
    )
