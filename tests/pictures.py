"""Real pictures, made by tests: files as cameras, programs and attackers write them."""

import io
import struct
import zlib
from collections.abc import Sequence

from PIL import Image

__all__ = [
    "bomb",
    "film",
    "growing_gif",
    "oriented_jpeg",
    "picture",
    "pixels",
    "slow_jpeg",
    "stereo_jpeg",
    "with_gps",
]

LEFT, RIGHT = (250, 10, 10), (10, 10, 250)
ORIENTATION, GPS, MODEL = 0x0112, 0x8825, 0x0110


def picture(
    kind: str = "PNG", size: tuple[int, int] = (900, 600), mode: str = "RGB", **said: object
) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    made = Image.new("RGB", size, RIGHT)
    made.paste(LEFT, (0, 0, size[0] // 2, size[1]))
    written = io.BytesIO()
    made.convert(mode).save(written, kind, **said)
    return written.getvalue()


def oriented_jpeg(size: tuple[int, int] = (400, 200)) -> bytes:
    """A photo that was taken with the camera on its side: shown, it is higher than wide."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return picture("JPEG", size, exif=exif)


def with_gps(kind: str) -> bytes:
    """A photo that says where it was taken, and with what."""
    exif = Image.Exif()
    exif[MODEL] = "SECRETCAMERA"
    exif.get_ifd(GPS)[2] = (48.0, 12.0, 3.0)
    return picture(kind, exif=exif)


def film(kind: str, frames: int = 3, size: tuple[int, int] = (200, 100)) -> bytes:
    """A picture that moves."""
    made = [Image.new("RGB", size, (each % 256, 40, 80)) for each in range(0, 20 * frames, 20)]
    written = io.BytesIO()
    made[0].save(written, kind, save_all=True, append_images=made[1:], duration=70, loop=0)
    return written.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of some kilobytes that says it has so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def growing_gif(side: int = 60_000) -> bytes:
    """Some hundred bytes of a small picture, whose next frames are far larger than it."""
    head, _, tail = picture("GIF", (4, 4)).rpartition(b";")
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00"
    cleared_after = b"\x21\xf9\x04\x08\x00\x00\x00\x00"
    return head + (cleared_after + frame) * 2 + b";" + tail


def slow_jpeg(scans: int = 20_000, side: int = 4_900) -> bytes:
    """Less than a megabyte that says of so many pixels, so many times, that nothing changes."""
    written = io.BytesIO()
    Image.new("L", (side, side), 90).save(written, "JPEG", progressive=True)
    whole, end = written.getvalue()[:-2], written.getvalue()[-2:]
    return whole + whole[whole.rindex(b"\xff\xda") :] * scans + end


def stereo_jpeg(size: tuple[int, int] = (400, 200)) -> bytes:
    """A photo with another behind it, as of cameras that see with two eyes or keep a preview."""
    left, right = (Image.new("RGB", size, colour) for colour in (LEFT, RIGHT))
    written = io.BytesIO()
    left.save(written, "MPO", save_all=True, append_images=[right])
    return written.getvalue()


def pixels(data: bytes, *places: tuple[int, int]) -> Sequence[tuple[int, ...]]:
    """The colours at these places of a picture, as red, green and blue."""
    with Image.open(io.BytesIO(data)) as shown:
        colours = shown.convert("RGB")
        return [colours.getpixel(place) for place in places]  # type: ignore[misc]
