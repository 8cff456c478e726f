"""What becomes of uploaded bytes: a clean picture, smaller ones, and a likeness of it.

Nothing of the bytes is passed on but the picture: it is decoded and encoded anew, which leaves
behind where and with what it was taken, and whatever else was hidden in the file. Sizes are looked
at before a pixel is decoded: a few kilobytes may say that they are gigabytes of pixels.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import blurhash_rs
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence

from services.media.model import ORIGINAL, Files, Image, Rejection, Variant
from services.media.sniffing import sniff

__all__ = ["MAX_FRAMES", "MAX_MOVING_PIXELS", "MAX_PIXELS", "MAX_SIDE", "make_image"]

MAX_SIDE: Final = 8_192
"""Pixels."""
MAX_PIXELS: Final = 25_000_000
"""100 MB while it is decoded; photos of telephones have 12 to 24 million as a rule."""
MAX_FRAMES: Final = 300
"""Of a picture that moves: ten seconds of a film."""
MAX_MOVING_PIXELS: Final = 60_000_000
"""Of all frames together: some seconds of work."""

SIDES: Final = (("medium", 1_200), ("small", 680))
"""Pixels of the longer side."""
THUMB_SIDE: Final = 150
JPEG_QUALITY: Final = 85
"""Nobody sees a difference, and each encoding anew costs little."""
MAX_PROFILE_BYTES: Final = 64 * 1024
"""Of a colour profile, without which colours would be off; those of cameras have some kilobytes."""
LIKENESS_SIDE: Final = 32
"""Pixels that the likeness is made of: it has a dozen blurs."""
LIKENESS: Final = (4, 3)
"""Components across and down, as BlurHash's authors advise."""

_FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
_ONE_FRAME: Final = "image/jpeg"
_WITH_HOLES: Final = "image/png"
_KEPT: Final = ("duration", "loop", "disposal", "blend", "background", "transparency")
"""What moves a picture, and what of it is see-through."""

# Pillow warns of what has more, where it is met; here it is refused.
Pillow.MAX_IMAGE_PIXELS = None


class _RejectedError(Exception):
    def __init__(self, why: Rejection) -> None:
        super().__init__(why.value)
        self.why = why


def make_image(data: bytes) -> tuple[Image, Files] | Rejection:
    """Make all of it; say why not, where the bytes are no good. Takes up to some seconds."""
    content_type = sniff(data)
    if content_type is None:
        return Rejection.UNKNOWN_TYPE
    try:
        with Pillow.open(io.BytesIO(data), formats=[_FORMATS[content_type]]) as source:
            return _make(source, content_type, hashlib.sha256(data).hexdigest())
    except _RejectedError as error:
        return error.why
    except Exception:  # noqa: BLE001 - decoders raise whatever damaged bytes lead them to
        return Rejection.UNREADABLE


def _make(source: Pillow.Image, content_type: str, sha256: str) -> tuple[Image, Files]:
    _check_size(source)
    if getattr(source, "is_animated", False):
        _check_frames(source)
        still, moving = _first_frame(source), _moving(source, content_type)
        original = (Variant(ORIGINAL, content_type, *still.size), moving)
    else:
        still = _upright(source)
        original = (Variant(ORIGINAL, content_type, *still.size), _encoded(still, content_type))
    files = [original, *_smaller(still)]
    image = Image(
        content_type=content_type,
        width=still.width,
        height=still.height,
        blurhash=_likeness(still),
        sha256=sha256,
        variants=tuple(variant for variant, _ in files),
    )
    return image, files


def _check_size(source: Pillow.Image) -> None:
    width, height = source.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _RejectedError(Rejection.TOO_LARGE)


def _check_frames(source: Pillow.Image) -> None:
    """Refuse a film before its frames are kept; counting them reads each once."""
    most = min(MAX_FRAMES, MAX_MOVING_PIXELS // (source.width * source.height))
    for number, _ in enumerate(ImageSequence.Iterator(source), start=1):
        if number > most:
            raise _RejectedError(Rejection.TOO_LARGE)
    source.seek(0)


def _upright(source: Pillow.Image) -> Pillow.Image:
    """Decode a picture that stands still, turned as its camera noted."""
    source.load()
    return ImageOps.exif_transpose(source)


def _first_frame(source: Pillow.Image) -> Pillow.Image:
    source.seek(0)
    return source.convert("RGBA")


def _encoded(picture: Pillow.Image, content_type: str) -> bytes:
    """Encode the pixels, and nothing else but their colours' profile."""
    written = io.BytesIO()
    said: dict[str, Any] = {"exif": b"", "icc_profile": _profile(picture)}
    if content_type == "image/jpeg":
        if picture.mode not in ("RGB", "L", "CMYK"):
            picture = picture.convert("RGB")
        said |= {"quality": JPEG_QUALITY, "progressive": True}
    elif content_type == "image/gif":
        said = {}
    bare = picture.copy()
    bare.info = {name: picture.info[name] for name in _KEPT if name in picture.info}
    bare.save(written, _FORMATS[content_type], **said)
    return written.getvalue()


def _profile(picture: Pillow.Image) -> bytes | None:
    profile = picture.info.get("icc_profile")
    return profile if profile and len(profile) <= MAX_PROFILE_BYTES else None


def _moving(source: Pillow.Image, content_type: str) -> bytes:
    """Encode all frames anew, with their times."""
    durations: list[float] = []

    def frames() -> Iterator[Pillow.Image]:
        for frame in ImageSequence.Iterator(source):
            kept = frame.convert("RGBA")
            # Known once it is decoded.
            durations.append(frame.info.get("duration", 0))
            kept.info = {}
            yield kept

    first, *rest = frames()
    written = io.BytesIO()
    said: dict[str, Any] = {"duration": durations, "loop": source.info.get("loop", 0)}
    if content_type == "image/gif":
        said |= {"disposal": 2}
    first.save(written, _FORMATS[content_type], save_all=True, append_images=rest, **said)
    return written.getvalue()


def _smaller(still: Pillow.Image) -> Sequence[tuple[Variant, bytes]]:
    """Make the smaller sizes; one that would not be smaller is left out."""
    still = _plain(still)
    content_type = _WITH_HOLES if still.mode == "RGBA" else _ONE_FRAME
    found = []
    for name, side in SIDES:
        if max(still.size) > side:
            small = ImageOps.contain(still, (side, side))
            found.append(_file(name, small, content_type))
    if max(still.size) > THUMB_SIDE:
        thumb = ImageOps.fit(still, (THUMB_SIDE, THUMB_SIDE))
        found.append(_file("thumb", thumb, content_type))
    return found


def _file(name: str, picture: Pillow.Image, content_type: str) -> tuple[Variant, bytes]:
    return Variant(name, content_type, *picture.size), _encoded(picture, content_type)


def _plain(still: Pillow.Image) -> Pillow.Image:
    """Give it in one of two modes: RGB, or RGBA where anything can be seen through."""
    profile = _profile(still)
    plain = still.convert("RGBA" if still.has_transparency_data else "RGB")
    # Of other colours than red, green and blue the profile says nothing any more.
    plain.info = {"icc_profile": profile} if profile and still.mode in ("RGB", "RGBA") else {}
    return plain


def _likeness(still: Pillow.Image) -> str:
    small = ImageOps.contain(_plain(still), (LIKENESS_SIDE, LIKENESS_SIDE))
    if small.mode == "RGBA":
        white = Pillow.new("RGBA", small.size, "white")
        small = Pillow.alpha_composite(white, small)
    return blurhash_rs.blurhash_encode(small.convert("RGB"), *LIKENESS)
