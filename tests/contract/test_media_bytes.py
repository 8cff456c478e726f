"""The bytes of pictures: what every place for them does, a folder and a bucket."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.media.byte_routes import byte_routes
from services.media.folder_bytes import FolderBytes
from services.media.model import MAX_UPLOAD_BYTES, Media, Upload, UploadTarget, Variant
from services.media.ports import MediaBytes
from services.media.urls import UrlSigner
from services.platform.http.listener import Listener
from tests.contract.storage_emulator import service_account, storage_emulator
from tests.pictures import picture
from tests.unit.graph.world import MovableClock

__all__ = ["storage_emulator"]

MEDIA, OTHER = 7 << 30, 9 << 30
LARGE, SMALL = picture("JPEG"), picture("JPEG", (60, 40))
FILES = [
    (Variant("original", "image/jpeg", 900, 600), LARGE),
    (Variant("thumb", "image/jpeg", 60, 40), SMALL),
]
NAMES = ["original", "thumb"]
DATA = b"\0\1\2" * 100_000


def upload(media_id: int, content_type: str = "image/jpeg", size: int = 0) -> Upload:
    return Upload(media_id, 1, content_type, size, "", 1_800_000_000_000)


@dataclass
class Place:
    """Somewhere for bytes, and a client as others have one."""

    kept: MediaBytes
    clock: MovableClock
    client: httpx.AsyncClient
    deny_by_url: bool
    """Whether a URL that is no good is refused: the emulator believes every signature."""

    async def send(self, target: UploadTarget, data: bytes) -> httpx.Response:
        return await self.client.put(target.to.url, content=data, headers=dict(target.headers))

    async def shown(self, variant: str, media_id: int = MEDIA) -> httpx.Response:
        return await self.client.get((await self.kept.url(media_id, variant)).url)


class Room:
    """Every picture is asked for, and none has come."""

    async def get_many(self, media_ids: list[int]) -> dict[int, Media]:
        return {each: Media(upload(each)) for each in media_ids}

    async def arrived(self, _upload: Upload) -> None:
        """Tell nobody."""


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Place]:
    clock, key, ports = MovableClock(), (b"k" * 32,), list[int]()
    signer = UrlSigner("http://aviary.test", lambda: key, clock)
    kept = FolderBytes(tmp_path / "media", signer)
    listener = Listener("127.0.0.1:0", byte_routes(Room(), Room(), kept, signer))  # type: ignore[arg-type]
    await listener.start()
    ports.append(listener.port)
    transport = httpx.AsyncHTTPTransport()

    class Nearby(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.url = request.url.copy_with(host="127.0.0.1", port=listener.port)
            return await transport.handle_async_request(request)

    async with httpx.AsyncClient(transport=Nearby()) as client:
        yield Place(kept, clock, client, deny_by_url=True)
    await transport.aclose()
    await listener.stop()


@pytest.fixture
async def bucket(storage_emulator: str) -> AsyncIterator[Place]:
    storage = pytest.importorskip("google.cloud.storage")
    credentials = pytest.importorskip("google.auth.credentials")
    from services.media.bucket_bytes import BucketBytes  # noqa: PLC0415

    made = storage.Client(
        project="test",
        credentials=credentials.AnonymousCredentials(),
        client_options={"api_endpoint": storage_emulator},
    )
    clock = MovableClock()
    try:
        kept = made.create_bucket(f"b{uuid.uuid4().hex}")
        async with httpx.AsyncClient() as client:
            placed = BucketBytes(
                kept, clock, credentials=service_account(), endpoint=storage_emulator
            )
            yield Place(placed, clock, client, deny_by_url=False)
    finally:
        made.close()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


async def test_what_is_sent_is_read(place: Place) -> None:
    assert not await place.kept.has_upload(MEDIA)
    assert await place.kept.read_upload(MEDIA, 10) is None
    target = await place.kept.upload_target(upload(MEDIA))
    assert (await place.send(target, DATA)).is_success
    assert await place.kept.has_upload(MEDIA)
    assert not await place.kept.has_upload(OTHER)
    assert await place.kept.read_upload(MEDIA, MAX_UPLOAD_BYTES) == DATA
    assert await place.kept.read_upload(MEDIA, 10) == DATA[:10]
    for _ in range(2):
        await place.kept.drop_upload(MEDIA)
        assert not await place.kept.has_upload(MEDIA)


async def test_a_target_says_when_it_ends_and_what_it_takes(place: Place) -> None:
    target = await place.kept.upload_target(upload(MEDIA))
    assert target.to.expires_at_ms == place.clock.ms + 900_000
    assert target.headers["content-type"] == "image/jpeg"
    assert "content-type" not in (await place.kept.upload_target(upload(MEDIA, ""))).headers
    other = await place.kept.upload_target(upload(OTHER))
    assert urlsplit(target.to.url).path != urlsplit(other.to.url).path


async def test_variants_are_shown_by_their_urls(place: Place) -> None:
    await place.kept.put(MEDIA, FILES)
    await place.kept.put(MEDIA, FILES)
    for name, data in zip(NAMES, (LARGE, SMALL), strict=True):
        assert await place.kept.read(MEDIA, name) == data
        answer = await place.shown(name)
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"] == "image/jpeg"
    assert await place.kept.read(MEDIA, "medium") is None
    assert (await place.shown("medium")).status_code == 404
    assert (await place.shown("original", OTHER)).status_code == 404


async def test_a_url_is_the_same_for_an_hour(place: Place) -> None:
    hour_ms = 3_600_000
    place.clock.ms -= place.clock.ms % hour_ms
    first = await place.kept.url(MEDIA, "thumb")
    assert first.expires_at_ms == place.clock.ms + 2 * hour_ms
    place.clock.ms += hour_ms - 1
    assert await place.kept.url(MEDIA, "thumb") == first
    place.clock.ms += 1
    assert await place.kept.url(MEDIA, "thumb") != first


async def test_no_url_leads_to_what_is_hidden(place: Place) -> None:
    await place.kept.put(MEDIA, FILES)
    url = (await place.kept.url(MEDIA, "thumb")).url
    assert (await place.client.get(url)).status_code == 200
    for _ in range(2):
        await place.kept.hide(MEDIA, NAMES)
        assert (await place.client.get(url)).status_code == 404
        assert await place.kept.read(MEDIA, "original") is None
    for _ in range(2):
        await place.kept.show(MEDIA, NAMES)
        assert (await place.client.get(url)).content == SMALL
    assert await place.kept.read(MEDIA, "original") == LARGE


@pytest.mark.parametrize("hidden", [False, True])
async def test_what_is_deleted_is_gone(place: Place, *, hidden: bool) -> None:
    for media_id in (MEDIA, OTHER):
        await place.kept.put(media_id, FILES)
    await place.send(await place.kept.upload_target(upload(MEDIA)), DATA)
    url = (await place.kept.url(MEDIA, "thumb")).url
    if hidden:
        await place.kept.hide(MEDIA, NAMES)
    for _ in range(2):
        await place.kept.delete(MEDIA)
        await place.kept.show(MEDIA, NAMES)
        assert (await place.client.get(url)).status_code == 404
        assert not await place.kept.has_upload(MEDIA)
    assert await place.kept.read(OTHER, "thumb") == SMALL


Change = Callable[[str], Awaitable[str]]


async def test_a_signature_is_of_the_url_that_it_is_on(place: Place) -> None:
    await place.kept.put(MEDIA, FILES)
    url = (await place.kept.url(MEDIA, "thumb")).url
    query = parse_qs(urlsplit(url).query)
    if not place.deny_by_url:
        # The emulator takes any; that it is signed, and when it ends, is Google's own form.
        assert query["X-Goog-Algorithm"] == ["GOOG4-RSA-SHA256"]
        assert len(query["X-Goog-Signature"][0]) == 512
        return
    for changed in (url.replace("thumb", "original"), url[:-1], url + "&x=1", url.split("?")[0]):
        assert (await place.client.get(changed)).status_code == 403
