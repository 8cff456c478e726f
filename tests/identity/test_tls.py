"""The issuer's listener behind mTLS: the edge gets in, and nobody else."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.platform.http.listener import Listener
from services.platform.security.listener_tls import ListenerTls
from services.platform.security.tls import TlsFiles
from tests.certificates import new_folder


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_folder(tmp_path / "certificates")
    return tmp_path / "certificates"


@pytest.fixture
def files(folder: Path) -> TlsFiles:
    return TlsFiles(folder, "identity")


@pytest.fixture
def tls(folder: Path, files: TlsFiles) -> ListenerTls:
    return ListenerTls(folder, "identity", files)


@pytest_asyncio.fixture
async def port(tls: ListenerTls) -> AsyncIterator[int]:
    listener = Listener("127.0.0.1:0", Starlette(routes=[Route("/", _hello)]), tls)
    await listener.start()
    yield listener.port
    await listener.stop()


def context(folder: Path, name: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=folder / "ca.pem")
    made.check_hostname = False
    if name is not None:
        made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


async def ask(port: int, verify: ssl.SSLContext) -> str:
    async with httpx.AsyncClient(verify=verify) as client:
        return (await client.get(f"https://127.0.0.1:{port}/")).text


async def test_the_edge_gets_in(port: int, folder: Path) -> None:
    for _ in range(2):
        assert await ask(port, context(folder, "edge")) == "hello"


@pytest.mark.parametrize("name", ["tweet", "gateway", "operator", "identity", None])
async def test_nobody_but_the_edge_gets_in(port: int, folder: Path, name: str | None) -> None:
    with pytest.raises(httpx.TransportError):
        await ask(port, context(folder, name))
    assert await ask(port, context(folder, "edge")) == "hello"


async def test_foreign_certificates_and_plaintext_are_refused(
    port: int, folder: Path, tmp_path: Path
) -> None:
    new_folder(tmp_path / "others")
    forged = context(folder, None)
    forged.load_cert_chain(tmp_path / "others" / "edge.pem", tmp_path / "others" / "edge.key")
    with pytest.raises(httpx.TransportError):
        await ask(port, forged)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_an_authority_that_is_gone_is_not_trusted_any_more(
    port: int, folder: Path, tmp_path: Path, files: TlsFiles, tls: ListenerTls
) -> None:
    new_folder(tmp_path / "next")
    before = context(folder, "edge")
    assert await ask(port, before) == "hello"
    for path in (tmp_path / "next").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    # The old edge trusts the new server, so that what is tested is whom the server trusts.
    before.load_verify_locations(folder / "ca.pem")
    files.refresh()
    tls.refresh()
    assert await ask(port, context(folder, "edge")) == "hello"
    with pytest.raises(httpx.TransportError):
        await ask(port, before)
