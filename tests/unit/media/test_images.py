"""What is made of uploaded bytes: a clean picture in several sizes, or a reason why not."""

import hashlib
import io
import re

import pytest
from PIL import Image as Pillow

from services.media.images import MAX_FRAMES, MAX_PIXELS, MAX_SIDE, make_image
from services.media.model import Files, Image, Rejection
from tests.pictures import (
    bomb,
    film,
    growing_gif,
    oriented_jpeg,
    picture,
    pixels,
    stereo_jpeg,
    with_gps,
)

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
KINDS = pytest.mark.parametrize("kind", TYPES)


def made(data: bytes) -> tuple[Image, Files]:
    found = make_image(data)
    assert not isinstance(found, Rejection), found
    return found


LEFT = (250, 10, 10, 255)


def is_red(colour: tuple[int, ...]) -> bool:
    return colour[0] > 180 and colour[2] < 80


@KINDS
def test_a_picture_comes_in_several_sizes(kind: str) -> None:
    data = picture(kind, (1_800, 1_200))
    image, files = made(data)
    assert (image.content_type, image.width, image.height) == (TYPES[kind], 1_800, 1_200)
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert [(each.name, each.width, each.height) for each in image.variants] == [
        ("original", 1_800, 1_200),
        ("medium", 1_200, 800),
        ("small", 680, 453),
        ("thumb", 150, 150),
    ]
    assert re.fullmatch(r"[0-9A-Za-z#$%*+,.:;=?@\[\]^_{|}~-]{28}", image.blurhash)
    assert [variant for variant, _ in files] == list(image.variants)
    for variant, body in files:
        with Pillow.open(io.BytesIO(body)) as shown:
            assert (shown.size, shown.get_format_mimetype()) == (
                (variant.width, variant.height),
                variant.content_type,
            )
        left, right = pixels(body, (5, 5), (variant.width - 5, 5))
        assert is_red(left), variant
        assert not is_red(right), variant


def test_a_size_that_would_not_be_smaller_is_left_out() -> None:
    assert [each.name for each in made(picture(size=(700, 100)))[0].variants] == [
        "original",
        "small",
        "thumb",
    ]
    assert [each.name for each in made(picture(size=(9, 9)))[0].variants] == ["original"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_but_the_picture_is_passed_on(kind: str) -> None:
    data = with_gps(kind)
    assert b"SECRETCAMERA" in data
    for variant, body in made(data)[1]:
        assert b"SECRETCAMERA" not in body
        with Pillow.open(io.BytesIO(body)) as shown:
            assert not shown.getexif(), variant


def test_what_is_hidden_behind_a_picture_is_left_behind() -> None:
    for kind in TYPES:
        for _, body in made(picture(kind) + b"PK\x03\x04 an archive")[1]:
            assert b"an archive" not in body


def test_a_photo_is_turned_as_its_camera_noted() -> None:
    image, files = made(oriented_jpeg((400, 200)))
    assert (image.width, image.height) == (200, 400)
    top, bottom = pixels(files[0][1], (100, 5), (100, 395))
    assert is_red(top)
    assert not is_red(bottom)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_a_film_goes_on_moving_in_its_own_size(kind: str) -> None:
    image, files = made(film(kind, frames=5))
    frames = []
    for _, body in files:
        with Pillow.open(io.BytesIO(body)) as shown:
            frames.append(getattr(shown, "n_frames", 1))
            shown.load()
            if frames == [5]:
                assert shown.info["duration"] == 70
    assert frames == [5, 1]
    assert image.content_type == TYPES[kind]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16"])
def test_png_of_every_mode_is_taken(mode: str) -> None:
    source = Pillow.new(mode, (300, 200))
    written = io.BytesIO()
    source.save(written, "PNG")
    assert len(made(written.getvalue())[1]) == 2


def test_grey_of_16_bits_is_as_bright_when_it_is_small() -> None:
    source = Pillow.new("I;16", (300, 200), 128 * 256)
    written = io.BytesIO()
    source.save(written, "PNG")
    ((red, _, _),) = pixels(made(written.getvalue())[1][-1][1], (75, 75))
    assert red == pytest.approx(128, abs=2)


def test_of_a_photo_with_another_behind_it_the_first_is_taken() -> None:
    image, files = made(stereo_jpeg())
    assert (image.content_type, image.width, len(files)) == ("image/jpeg", 400, 2)
    for _, body in files:
        with Pillow.open(io.BytesIO(body)) as shown:
            assert getattr(shown, "n_frames", 1) == 1
        assert is_red(pixels(body, (5, 5))[0])


def moving_square(*, through: bool) -> list[Pillow.Image]:
    """Noise that a square wanders over; or nothing, but for the square."""
    ground = Pillow.effect_noise((200, 200), 60).convert("RGBA")
    frames = []
    for step in range(40):
        frame = Pillow.new("RGBA", ground.size) if through else ground.copy()
        frame.paste(LEFT, (4 * step, 0, 4 * step + 30, 30))
        frames.append(frame)
    return frames


@pytest.mark.parametrize("through", [False, True])
def test_a_gif_shows_the_same_frames(*, through: bool) -> None:
    first, *rest = frames = moving_square(through=through)
    written = io.BytesIO()
    disposal = 2 if through else 0
    first.save(written, "GIF", save_all=True, append_images=rest, duration=50, disposal=disposal)
    data = written.getvalue()
    (_, body), *_ = made(data)[1]
    assert len(body) < 2 * len(data)
    assert (b"NETSCAPE2.0" in body) == (b"NETSCAPE2.0" in data)
    with Pillow.open(io.BytesIO(body)) as shown:
        for number, frame in enumerate(frames):
            shown.seek(number)
            found = shown.convert("RGBA")
            for x in (2, 60, 120, 190):
                here, there = found.getpixel((x, 10)), frame.getpixel((x, 10))
                assert isinstance(here, tuple)
                assert isinstance(there, tuple)
                assert is_red(here) == is_red(there), (number, x)
                assert (here[3] > 0) == (there[3] > 0), (number, x)


def test_a_print_is_taken() -> None:
    assert made(picture("JPEG", mode="CMYK"))[0].content_type == "image/jpeg"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF8",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM" + bytes(100),
        b"II*\0" + bytes(100),
        b"%PDF-1.7",
        b"\0\0\0\x20ftypavif",
        b"RIFF\0\0\0\0WAVE" + bytes(100),
    ],
)
def test_what_is_none_of_the_four_types_is_rejected(data: bytes) -> None:
    assert make_image(data) is Rejection.UNKNOWN_TYPE


@KINDS
def test_damaged_bytes_are_rejected(kind: str) -> None:
    data = picture(kind)
    assert make_image(data[:20]) is Rejection.UNREADABLE
    assert make_image(data[: len(data) // 2]) is Rejection.UNREADABLE
    assert make_image(data[:16] + bytes(len(data))) is Rejection.UNREADABLE


def test_a_type_is_not_opened_as_another() -> None:
    assert make_image(b"GIF89a" + picture("PNG")) is Rejection.UNREADABLE


def test_more_pixels_than_may_be_are_rejected_unread() -> None:
    assert make_image(bomb()) is Rejection.TOO_LARGE
    assert make_image(bomb(MAX_SIDE + 1, 1)) is Rejection.TOO_LARGE
    side = int(MAX_PIXELS**0.5)
    assert make_image(bomb(side + 1, side + 1)) is Rejection.TOO_LARGE
    # It says no more than it may, and does not have that either.
    assert make_image(bomb(side, side)) is Rejection.UNREADABLE


def test_frames_that_are_larger_than_the_picture_are_rejected_unread() -> None:
    assert make_image(growing_gif(60_000)) is Rejection.TOO_LARGE
    assert make_image(growing_gif(5_500)) is Rejection.TOO_LARGE
    assert make_image(growing_gif(5)) is Rejection.TOO_LARGE


def test_more_frames_than_may_be_are_rejected() -> None:
    assert make_image(film("GIF", frames=MAX_FRAMES + 1, size=(8, 8))) is Rejection.TOO_LARGE
    assert made(film("GIF", frames=12, size=(8, 8)))[0].width == 8


def test_frames_of_too_many_pixels_together_are_rejected() -> None:
    assert make_image(film("GIF", frames=9, size=(2_900, 2_900))) is Rejection.TOO_LARGE
