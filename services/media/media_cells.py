"""What a picture's row says: JSON that newer versions add to, and older ones pass over."""

import json
from typing import Any, Final

from services.media.model import Image, Quarantine, Rejection, Upload, Variant

__all__ = [
    "decode_outcome",
    "decode_quarantine",
    "decode_upload",
    "encode_outcome",
    "encode_quarantine",
    "encode_upload",
]

_UPLOAD: Final = ("user_id", "content_type", "size", "alt_text", "created_at_ms")
_IMAGE: Final = ("content_type", "width", "height", "blurhash", "sha256")
_VARIANT: Final = ("name", "content_type", "width", "height")


def encode_upload(upload: Upload) -> bytes:
    """Write the cell `upload`."""
    return _json({name: getattr(upload, name) for name in _UPLOAD})


def decode_upload(media_id: int, cell: bytes) -> Upload:
    """Read it, as this version or another wrote it. Raises one of `UNREADABLE`."""
    said = json.loads(cell)
    return Upload(media_id, **{name: said[name] for name in _UPLOAD})


def encode_outcome(outcome: Image | Rejection) -> bytes:
    """Write the cell `outcome`."""
    if isinstance(outcome, Rejection):
        return _json({"rejected": outcome.value})
    image: dict[str, Any] = {name: getattr(outcome, name) for name in _IMAGE}
    image["variants"] = [
        [getattr(variant, name) for name in _VARIANT] for variant in outcome.variants
    ]
    return _json({"image": image})


def decode_outcome(cell: bytes) -> Image | Rejection:
    """Read it, as this version or another wrote it. Raises one of `UNREADABLE`."""
    said = json.loads(cell)
    if "rejected" in said:
        return Rejection(said["rejected"])
    image = said["image"]
    variants = tuple(Variant(*each[: len(_VARIANT)]) for each in image["variants"])
    return Image(**{name: image[name] for name in _IMAGE}, variants=variants)


def encode_quarantine(why: Quarantine) -> bytes:
    """Write the cell `quarantine`."""
    return _json({"reason": why.reason, "at_ms": why.at_ms})


def decode_quarantine(cell: bytes) -> Quarantine:
    """Read it, as this version or another wrote it. Raises one of `UNREADABLE`."""
    said = json.loads(cell)
    return Quarantine(said["reason"], said["at_ms"])


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
