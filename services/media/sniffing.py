"""Which type of picture bytes are, by how they begin: what was said of them proves nothing."""

from typing import Final

__all__ = ["SNIFFED_BYTES", "sniff"]

SNIFFED_BYTES: Final = 12
"""As many as decide it."""
_RIFF, _WEBP = slice(0, 4), slice(8, 12)


def sniff(data: bytes) -> str | None:
    """Return one of `CONTENT_TYPES`; None for anything else (WHATWG MIME Sniffing, 6.1)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[_RIFF] == b"RIFF" and data[_WEBP] == b"WEBP":
        return "image/webp"
    return None
