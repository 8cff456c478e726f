"""The bytes of pictures over HTTP: bounded while they come, guarded and cacheable when they go."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.media import byte_routes
from services.media.model import MAX_UPLOAD_BYTES, Status
from services.media.spec import TABLES
from services.platform.http.listener import Listener
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from tests.contract.media_world import ADA, World
from tests.pictures import picture

PICTURE = picture()


@dataclass
class Site:
    world: World
    client: httpx.AsyncClient
    port: int

    def path(self, url: str) -> str:
        return url.replace("http://127.0.0.1:8080", "")

    async def target(self, media_id: int) -> str:
        upload = (await self.world.media(media_id)).upload
        return self.path((await self.world.bytes.upload_target(upload)).to.url)

    async def put(self, media_id: int, data: Any) -> httpx.Response:
        return await self.client.put(await self.target(media_id), content=data)

    async def announce(self, media_id: int, size: int) -> bytes:
        """Say that so many bytes come, and send none; gives the first line of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        path = await self.target(media_id)
        writer.write(f"PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n".encode())
        line = await reader.readline()
        writer.close()
        return line

    async def shown(self, media_id: int, **headers: str) -> httpx.Response:
        at = await self.world.bytes.url(media_id, "original")
        return await self.client.get(self.path(at.url), headers=headers)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await rows.open()
    world = World(rows, tmp_path / "media")
    web = byte_routes.byte_routes(world.store, world.uploads, world.bytes, world.signer)
    listener = Listener("127.0.0.1:0", web)
    await listener.start()
    base = f"http://127.0.0.1:{listener.port}"
    async with httpx.AsyncClient(base_url=base) as client:
        yield Site(world, client, listener.port)
    await listener.stop()
    await rows.close()


async def status(site: Site, media_id: int) -> Status:
    return (await site.world.media(media_id)).status


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"][0]["reason"]


async def test_what_is_sent_becomes_a_picture(site: Site) -> None:
    media_id = await site.world.room()
    assert (await site.put(media_id, PICTURE)).status_code == 204
    assert await status(site, media_id) is Status.PROCESSING
    await site.world.publish()
    assert (await site.shown(media_id)).headers["content-type"] == "image/png"


async def test_an_upload_that_is_repeated_changes_nothing(site: Site) -> None:
    media_id = await site.world.room()
    await site.put(media_id, PICTURE)
    assert (await site.put(media_id, b"another")).status_code == 204
    assert await site.world.bytes.read_upload(media_id, 10) == PICTURE[:10]
    await site.world.publish()
    assert (await site.put(media_id, b"another")).status_code == 204
    assert await status(site, media_id) is Status.READY


async def test_too_many_bytes_are_refused_before_and_while_they_come(site: Site) -> None:
    media_id = await site.world.room()
    at_once = await site.put(media_id, bytes(MAX_UPLOAD_BYTES + 1))
    by_and_by = await site.put(media_id, chunks(1 << 20, 6))
    unread = await site.announce(media_id, 1 << 30)
    assert unread.startswith(b"HTTP/1.1 413")
    for answer in (at_once, by_and_by):
        assert error(answer) == (413, "INVALID_FIELD")
    assert await status(site, media_id) is Status.UPLOADING
    assert not site.world.files()
    # The URL is still good.
    assert (await site.put(media_id, PICTURE)).status_code == 204


async def test_other_than_what_was_said_is_refused(site: Site) -> None:
    media_id = await site.world.room(size=10)
    assert error(await site.put(media_id, bytes(11))) == (413, "INVALID_FIELD")
    assert error(await site.put(media_id, bytes(9))) == (400, "INVALID_FIELD")
    assert error(await site.put(await site.world.room(), b"")) == (400, "INVALID_FIELD")
    assert not site.world.files()
    assert (await site.put(media_id, bytes(10))).status_code == 204


async def test_a_client_that_leaves_half_way_leaves_nothing(site: Site) -> None:
    media_id = await site.world.room()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"PUT {await site.target(media_id)} HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n"
    writer.write(head.encode() + bytes(500))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await site.put(media_id, PICTURE)).status_code == 204
    assert await site.world.bytes.read_upload(media_id, 10) == PICTURE[:10]


async def test_who_sends_too_slowly_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_routes, "UPLOAD_S", 0.1)
    media_id = await site.world.room()
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"PUT {await site.target(media_id)} HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\na"
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 503")
    # It hangs up by itself.
    assert await reader.read()
    writer.close()
    assert await status(site, media_id) is Status.UPLOADING


async def test_so_many_at_once_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_routes, "UPLOADS_AT_ONCE", 1)
    first, second = await site.world.room(), await site.world.room()
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield PICTURE[:100]
        begun.set()
        await goes_on.wait()
        yield PICTURE[100:]

    sending = asyncio.create_task(site.put(first, held()))
    await begun.wait()
    async with asyncio.timeout(10):
        while (answer := await site.put(second, PICTURE)).status_code == 204:
            # The first had not arrived yet.
            second = await site.world.room()
    assert error(answer)[0] == 503
    assert int(answer.headers["retry-after"]) > 0
    goes_on.set()
    assert (await sending).status_code == 204
    assert (await site.put(second, PICTURE)).status_code == 204


async def test_what_is_not_on_the_disk_yet_counts_as_well(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_routes, "UPLOADS_AT_ONCE", 1)
    first, second = await site.world.room(), await site.world.room()
    begun, goes_on, receive = asyncio.Event(), asyncio.Event(), site.world.bytes.receive

    async def slow(media_id: int, data: bytes) -> None:
        begun.set()
        await goes_on.wait()
        await receive(media_id, data)

    monkeypatch.setattr(site.world.bytes, "receive", slow)
    sending = asyncio.create_task(site.put(first, PICTURE))
    await begun.wait()
    assert error(await site.put(second, PICTURE))[0] == 503
    goes_on.set()
    assert (await sending).status_code == 204


async def test_without_a_good_url_nothing_is_taken_or_given(site: Site) -> None:
    media_id = await site.world.ready()
    good = await site.target(media_id)
    for path in (f"/media/uploads/{media_id}", good + "0", good.replace("expires=1", "expires=2")):
        assert error(await site.client.put(path, content=PICTURE)) == (403, "URL_INVALID")
    assert error(await site.client.get(f"/media/files/{media_id}/original")) == (403, "URL_INVALID")
    site.world.clock.ms += 900_000
    assert error(await site.client.put(good, content=PICTURE)) == (403, "URL_INVALID")
    assert (await site.client.get("/media/files/x/original")).status_code == 404
    assert (await site.client.get("/media/uploads/../files")).status_code == 404


async def test_what_is_gone_takes_no_bytes(site: Site) -> None:
    media_id = await site.world.room()
    path = await site.target(media_id)
    await site.world.desk.remove(media_id)
    assert error(await site.client.put(path, content=PICTURE)) == (404, "MEDIA_NOT_FOUND")


async def test_a_picture_can_be_cached_and_does_nothing_else(site: Site) -> None:
    media_id = await site.world.ready()
    answer = await site.shown(media_id)
    assert answer.headers["cache-control"] == "public, max-age=300, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    etag = answer.headers["etag"]
    known = await site.shown(media_id, **{"if-none-match": f'"other", W/{etag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    other = await site.shown(media_id, **{"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, answer.content)
    head = await site.client.head(site.path((await site.world.bytes.url(media_id, "original")).url))
    assert (head.status_code, head.content) == (200, b"")


async def test_no_cache_keeps_it_longer_than_its_url(site: Site) -> None:
    media_id = await site.world.ready()
    at = await site.world.bytes.url(media_id, "original")
    site.world.clock.ms = at.expires_at_ms - 10_000
    answer = await site.client.get(site.path(at.url))
    assert answer.headers["cache-control"] == "public, max-age=10, immutable"


async def test_what_is_hidden_or_deleted_is_404_at_the_next_read(site: Site) -> None:
    media_id = await site.world.ready()
    etag = (await site.shown(media_id)).headers["etag"]
    await site.world.bytes.hide(media_id, ["original"])
    hidden = await site.shown(media_id, **{"if-none-match": etag})
    assert error(hidden) == (404, "MEDIA_NOT_FOUND")
    await site.world.bytes.show(media_id, ["original"])
    assert (await site.shown(media_id)).status_code == 200
    await site.world.uploads.get(media_id, ADA)
    await site.world.desk.remove(media_id)
    assert error(await site.shown(media_id)) == (404, "MEDIA_NOT_FOUND")
