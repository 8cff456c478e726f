"""Pictures are made beside the event loop, and compared with what was said of them."""

import asyncio
from collections.abc import Iterator

import pytest

from services.media.image_worker import ThreadedImages
from services.media.model import MAX_UPLOAD_BYTES, Rejection, Upload
from tests.pictures import picture


@pytest.fixture
def images() -> Iterator[ThreadedImages]:
    made = ThreadedImages()
    yield made
    made.close()


def upload(content_type: str = "", size: int = 0) -> Upload:
    return Upload(7, 1, content_type, size, "", 1_800_000_000_000)


async def test_the_loop_goes_on_while_a_large_picture_is_made(images: ThreadedImages) -> None:
    data = picture("JPEG", (4_000, 3_000))
    making = asyncio.create_task(images.process(upload(), data))
    turns = 0
    while not making.done():
        await asyncio.sleep(0)
        turns += 1
    assert not isinstance(await making, Rejection)
    # Were it made in the loop, there would be a few.
    assert turns > 20


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (upload("image/jpeg"), Rejection.OTHER_TYPE),
        (upload(size=1), Rejection.SIZE),
        (upload(size=MAX_UPLOAD_BYTES), Rejection.SIZE),
    ],
)
async def test_what_is_other_than_was_said_is_rejected(
    images: ThreadedImages, said: Upload, why: Rejection
) -> None:
    assert await images.process(said, picture("PNG")) is why


async def test_what_is_too_large_is_rejected_unread(images: ThreadedImages) -> None:
    for data in (b"", picture("PNG") + bytes(MAX_UPLOAD_BYTES)):
        assert await images.process(upload(), data) is Rejection.SIZE


async def test_what_was_said_rightly_is_taken(images: ThreadedImages) -> None:
    data = picture("WEBP")
    made = await images.process(upload("image/webp", len(data)), data)
    assert not isinstance(made, Rejection)
    assert made[0].content_type == "image/webp"
