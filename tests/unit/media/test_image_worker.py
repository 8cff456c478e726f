"""Pictures are made beside the event loop, and compared with what was said of them."""

import asyncio
import signal
from pathlib import Path

import pytest

from services.media import image_worker
from services.media.image_worker import ImageProcessError, ImageProcesses
from services.media.images import make_image
from services.media.made_pictures import decode_made, encode_made
from services.media.model import MAX_UPLOAD_BYTES, Rejection, Upload
from services.platform.errors import UnavailableError
from tests.pictures import growing_gif, picture, slow_jpeg


@pytest.fixture
def images() -> ImageProcesses:
    return ImageProcesses()


def upload(content_type: str = "", size: int = 0) -> Upload:
    return Upload(7, 1, content_type, size, "", 1_800_000_000_000)


async def test_the_loop_goes_on_while_a_large_picture_is_made(images: ImageProcesses) -> None:
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
    images: ImageProcesses, said: Upload, why: Rejection
) -> None:
    assert await images.process(said, picture("PNG")) is why


async def test_what_is_too_large_is_rejected_unread(images: ImageProcesses) -> None:
    for data in (b"", picture("PNG") + bytes(MAX_UPLOAD_BYTES)):
        assert await images.process(upload(), data) is Rejection.SIZE


async def test_what_was_said_rightly_is_taken(images: ImageProcesses) -> None:
    data = picture("WEBP")
    made = await images.process(upload("image/webp", len(data)), data)
    assert not isinstance(made, Rejection)
    assert made[0].content_type == "image/webp"


async def test_it_is_made_as_it_would_be_here(images: ImageProcesses) -> None:
    data = picture("GIF", (900, 600))
    assert await images.process(upload(), data) == make_image(data)


def test_what_was_cut_off_is_no_picture() -> None:
    said = encode_made(make_image(picture()))
    with pytest.raises(ValueError, match="were announced"):
        decode_made(said[:-1])


async def test_bytes_that_take_hours_are_rejected(
    images: ImageProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_worker, "CPU_S", 1)
    monkeypatch.setattr(image_worker, "WORK_S", 300.0)
    data = slow_jpeg()
    assert len(data) < MAX_UPLOAD_BYTES
    assert await images.process(upload(), data) is Rejection.TOO_LARGE


async def test_bytes_that_ask_for_all_memory_are_rejected(images: ImageProcesses) -> None:
    assert await images.process(upload(), growing_gif()) is Rejection.TOO_LARGE


def child(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `code` run instead of what makes pictures."""
    (folder / "stand_in_for_images.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(image_worker, "_MODULE", "stand_in_for_images")


@pytest.mark.parametrize("died_of", [signal.SIGSEGV, signal.SIGABRT])
async def test_bytes_that_a_decoder_crashes_on_are_rejected(
    images: ImageProcesses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    died_of: signal.Signals,
) -> None:
    child(tmp_path, f"import os; os.kill(os.getpid(), {died_of.value})", monkeypatch)
    assert await images.process(upload(), picture()) is Rejection.UNREADABLE


@pytest.mark.parametrize(
    "code", ["import sys; sys.exit(1)", "import os; os.kill(os.getpid(), 9)", "while True: pass"]
)
async def test_what_is_not_the_bytes_fault_is_tried_again(
    images: ImageProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    child(tmp_path, code, monkeypatch)
    monkeypatch.setattr(image_worker, "WORK_S", 1.0)
    for _ in range(image_worker.AT_ONCE + 1):
        with pytest.raises(ImageProcessError):
            await images.process(upload(), picture())


async def test_who_waits_too_long_comes_again(
    images: ImageProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(tmp_path, "while True: pass", monkeypatch)
    monkeypatch.setattr(image_worker, "WAIT_S", 0.1)
    under_way = [
        asyncio.create_task(images.process(upload(), picture()))
        for _ in range(image_worker.AT_ONCE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="other pictures"):
        await images.process(upload(), picture())
    for task in under_way:
        task.cancel()
    results = await asyncio.gather(*under_way, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in results)
