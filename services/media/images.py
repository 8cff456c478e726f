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

MAX_MADE_BYTES: Final = 20 * 1024 * 1024
"""Encoded anew: what came in 5 MiB takes more only where it is a film made to do so."""

SIDES: Final = (("medium", 1_200), ("small", 680))
"""Pixels of the longer side."""
THUMB_SIDE: Final = 150
JPEG_QUALITY: Final = 85
"""Nobody sees a difference, and each encoding anew costs little."""
OPAQUE: Final = 255
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
_MOVING: Final = ("image/png", "image/gif", "image/webp")
"""Not JPEG: cameras put previews, or another eye's view, behind a photo, which then has frames."""
_ONE_FRAME: Final = "image/jpeg"
_WITH_HOLES: Final = "image/png"
_KEPT: Final = (
    "duration",
    "loop",
    "disposal",
    "blend",
    "background",
    "transparency",
    "icc_profile",
)
"""What moves a picture, what of it is see-through, and what its colours are."""

# Decoders ask before they make room for a frame: it may be larger than the picture said that it is.
Pillow.MAX_IMAGE_PIXELS = MAX_PIXELS


_TOO_LARGE: Final = (
    MemoryError,
    Pillow.DecompressionBombError,
    # Of less than twice as many pixels Pillow only warns; unless warnings are errors, they are
    # refused by what follows.
    Pillow.DecompressionBombWarning,
)


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
    except _TOO_LARGE:
        return Rejection.TOO_LARGE
    except Exception:  # noqa: BLE001 - decoders raise whatever damaged bytes lead them to
        return Rejection.UNREADABLE


def _make(source: Pillow.Image, content_type: str, sha256: str) -> tuple[Image, Files]:
    _check_size(source)
    if content_type in _MOVING and getattr(source, "is_animated", False):
        _check_frames(source)
        still, original = _first_frame(source), _moving(source, content_type)
    else:
        still = _upright(source)
        original = _encoded(still, content_type)
    if len(original) > MAX_MADE_BYTES:
        raise _RejectedError(Rejection.TOO_LARGE)
    plain = _plain(still)
    files = [(Variant(ORIGINAL, content_type, *still.size), original), *_smaller(plain)]
    image = Image(
        content_type=content_type,
        width=still.width,
        height=still.height,
        blurhash=_likeness(plain),
        sha256=sha256,
        variants=tuple(variant for variant, _ in files),
    )
    return image, files


def _check_size(source: Pillow.Image) -> None:
    width, height = source.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _RejectedError(Rejection.TOO_LARGE)


def _check_frames(source: Pillow.Image) -> None:
    """Refuse a film before its frames are kept; counting them decodes each once."""
    most = min(MAX_FRAMES, MAX_MOVING_PIXELS // (source.width * source.height))
    size = source.size
    for number, frame in enumerate(ImageSequence.Iterator(source), start=1):
        # A frame of a GIF that does not fit makes the picture larger.
        if number > most or frame.size != size:
            raise _RejectedError(Rejection.TOO_LARGE)
    source.seek(0)


def _upright(source: Pillow.Image) -> Pillow.Image:
    """Decode a picture that stands still, turned as its camera noted."""
    source.load()
    ImageOps.exif_transpose(source, in_place=True)
    source.info = {name: source.info[name] for name in _KEPT if name in source.info}
    return source


def _first_frame(source: Pillow.Image) -> Pillow.Image:
    source.seek(0)
    first = source.convert("RGBA")
    first.info = {}
    return first


def _encoded(picture: Pillow.Image, content_type: str) -> bytes:
    """Encode the pixels, and nothing else but their colours' profile."""
    written = io.BytesIO()
    said: dict[str, Any] = {"exif": b"", "icc_profile": _profile(picture)}
    if content_type == "image/jpeg":
        if picture.mode not in ("RGB", "L", "CMYK"):
            picture = picture.convert("RGB")
        said |= {"quality": JPEG_QUALITY, "progressive": True}
    elif content_type == "image/webp":
        # Of six; the usual fourth takes a quarter more memory.
        said |= {"method": 2}
    elif content_type == "image/gif":
        said = {}
    try:
        picture.save(written, _FORMATS[content_type], **said)
    except (OSError, ValueError) as error:
        # It was decoded, so all that encoders want is memory.
        raise _RejectedError(Rejection.TOO_LARGE) from error
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
    said: dict[str, Any] = {"duration": durations}
    if "loop" in source.info:
        said["loop"] = source.info["loop"]
    if content_type == "image/gif" and any(map(_has_holes, (first, *rest))):
        # What a frame leaves open must not show the one before. Each is whole then, which takes
        # many times as much as what differs.
        said |= {"disposal": 2}
    first.save(written, _FORMATS[content_type], save_all=True, append_images=rest, **said)
    return written.getvalue()


def _has_holes(frame: Pillow.Image) -> bool:
    least, _ = frame.getchannel("A").getextrema()
    return bool(least != OPAQUE)


def _smaller(still: Pillow.Image) -> Sequence[tuple[Variant, bytes]]:
    """Make the smaller sizes of a plain one; one that would not be smaller is left out."""
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
    if still.mode.startswith("I"):
        # Of 16 bits, which a conversion would cut off at the darkest 256th.
        still = still.point(lambda value: value / 256).convert("L")
    plain = still.convert("RGBA" if still.has_transparency_data else "RGB")
    # Of other colours than red, green and blue the profile says nothing any more.
    plain.info = {"icc_profile": profile} if profile and still.mode in ("RGB", "RGBA") else {}
    return plain


def _likeness(plain: Pillow.Image) -> str:
    small = ImageOps.contain(plain, (LIKENESS_SIDE, LIKENESS_SIDE))
    if small.mode == "RGBA":
        white = Pillow.new("RGBA", small.size, "white")
        small = Pillow.alpha_composite(white, small)
    return blurhash_rs.blurhash_encode(small.convert("RGB"), *LIKENESS)
