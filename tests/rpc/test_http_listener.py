"""What is asked over HTTP/1.1: how connections are served, who may have one, and how they end."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.cli.serving import http_at
from services.platform.config.settings import Settings
from services.platform.rpc import http_connection
from services.platform.rpc.server import BindError, HttpAt, RpcServer
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness
from services.platform.security.listener_tls import ListenerTls
from services.platform.security.process import Security
from services.platform.security.tls import TlsFiles
from tests.certificates import new_folder
from tests.rpc.bare_http import HOME, WITHIN_S, Connection, Timelines, served


@pytest_asyncio.fixture
async def timelines() -> Timelines:
    return Timelines()


@pytest_asyncio.fixture
async def server(timelines: Timelines) -> AsyncIterator[RpcServer]:
    running = served(timelines, http=HttpAt("127.0.0.1:0"))
    await running.start()
    yield running
    timelines.goes_on.set()
    await running.stop(0)


Dial = Callable[..., Awaitable[Connection]]


@pytest_asyncio.fixture
async def dial() -> AsyncIterator[Dial]:
    """Opens connections to a server, which are closed in the end."""
    opened: list[asyncio.StreamWriter] = []

    async def to(server: RpcServer, **tls: Any) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port, **tls)
        opened.append(writer)
        return Connection(reader, writer)

    yield to
    for writer in opened:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_connection_is_used_again(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    connection = await dial(server)
    for user in (1, 3):
        connection.ask(f"{HOME}?user_id={user}", "X-Odd: caf\xe9")
        status, headers, body = await connection.answer()
        assert (status, body) == (200, b"[%d]" % user)
        assert headers == {"content-type": "application/json", "content-length": "3"}
    assert timelines.seen["x-odd"] == "caf\xe9"


async def test_requests_that_were_sent_ahead_are_answered_in_their_order(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    connection = await dial(server)
    users = [2, *range(3, 3 + 2 * http_connection.MAX_WAITING)]
    for user in users:
        connection.ask(f"{HOME}?user_id={user}")
    await asyncio.wait_for(timelines.begun.wait(), WITHIN_S)
    timelines.goes_on.set()
    assert [(await connection.answer())[2] for _ in users] == [b"[%d]" % user for user in users]


async def test_a_body_is_passed_over(server: RpcServer, dial: Dial) -> None:
    connection = await dial(server)
    for _ in range(2):
        connection.ask(f"{HOME}?user_id=1", "content-length: 4")
        connection.send("")
        assert (await connection.answer())[2] == b"[1]"


async def test_head_is_get_without_the_body(server: RpcServer, dial: Dial) -> None:
    connection = await dial(server)
    connection.ask(f"{HOME}?user_id=1", method="HEAD")
    status, headers, _ = await connection.answer(bare=True)
    assert (status, headers["content-length"]) == (200, "3")
    connection.ask(f"{HOME}?user_id=1")
    assert (await connection.answer())[2] == b"[1]"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/v1/timeline/home/", 404),
        ("GET", "/v1/tweets/1", 404),
        ("GET", "/aviary.timeline.v1.TimelineService/GetHomeTimelineJson", 404),
        ("POST", HOME, 405),
        ("DELETE", HOME, 405),
    ],
)
async def test_nothing_else_is_served(
    server: RpcServer, method: str, target: str, status: int, dial: Dial
) -> None:
    connection = await dial(server)
    connection.ask(target, method=method)
    assert (await connection.answer())[0] == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 40_000, 431),
        (b"GET / HTTP/1.1\r\ncontent-length: 200000\r\n\r\n" + b"x" * 120_000, 413),
    ],
)
async def test_what_is_no_request_ends_the_connection(
    server: RpcServer, sent: bytes, status: int, dial: Dial
) -> None:
    connection = await dial(server)
    connection.write(sent)
    answered, headers, _ = await connection.answer()
    assert (answered, headers["connection"]) == (status, "close")
    assert await connection.is_ended()


async def test_a_request_that_does_not_arrive_ends_the_connection(
    server: RpcServer, monkeypatch: pytest.MonkeyPatch, dial: Dial
) -> None:
    monkeypatch.setattr(http_connection, "REQUEST_S", 0.05)
    monkeypatch.setattr(http_connection, "LEAST_LOOK_S", 0.05)
    connection = await dial(server)
    connection.write(b"GET / HTTP/1.1\r\nhost:")
    assert await connection.is_ended()


async def test_a_connection_that_is_silent_is_closed(
    server: RpcServer, monkeypatch: pytest.MonkeyPatch, dial: Dial
) -> None:
    for name in ("REQUEST_S", "IDLE_S", "LEAST_LOOK_S"):
        monkeypatch.setattr(http_connection, name, 0.05)
    connection = await dial(server)
    connection.ask("/healthz")
    await connection.answer()
    assert await connection.is_ended()


async def test_a_client_that_leaves_ends_what_is_done_for_it(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    connection = await dial(server)
    connection.ask(f"{HOME}?user_id=2")
    await asyncio.wait_for(timelines.begun.wait(), WITHIN_S)
    connection.leave()
    await asyncio.wait_for(timelines.cancelled.wait(), WITHIN_S)


async def test_the_edge_says_how_long_it_waits(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    connection = await dial(server)
    for said, most in (("1000", 1.0), ("10000", 5.0), ("soon", 5.0)):
        connection.ask(f"{HOME}?user_id=1", f"x-envoy-expected-rq-timeout-ms: {said}")
        await connection.answer()
        assert most - 1 < timelines.seen["left"] <= most
    connection.ask(f"{HOME}?user_id=2", "x-envoy-expected-rq-timeout-ms: 1")
    assert (await connection.answer())[0] == 504


async def test_a_stop_leaves_silent_connections_to_the_edge_to_close(
    server: RpcServer, dial: Dial
) -> None:
    health, late, never = [await dial(server) for _ in range(3)]
    for each in (health, late, never):
        each.ask("/healthz")
        assert (await each.answer())[0] == 200
    stopping = asyncio.create_task(server.stop(WITHIN_S))
    status, headers = 200, {}
    async with asyncio.timeout(WITHIN_S):
        while status == 200:
            health.ask("/healthz")
            status, headers, _ = await health.answer()
    assert status == 503
    assert headers["connection"] == "close"
    late.ask(f"{HOME}?user_id=1")
    _, headers, body = await late.answer()
    assert (headers["connection"], body) == ("close", b"[1]")
    for each in (health, late, never):
        assert await each.is_ended()
    await stopping


async def test_a_stop_ends_what_is_silent_and_lets_the_rest_end(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    idle, busy = [await dial(server) for _ in range(2)]
    idle.ask("/healthz")
    await idle.answer()
    busy.ask(f"{HOME}?user_id=2")
    await asyncio.wait_for(timelines.begun.wait(), WITHIN_S)
    stopping = asyncio.create_task(server.stop(WITHIN_S))
    assert await idle.is_ended()
    with pytest.raises(ConnectionRefusedError):
        await dial(server)
    timelines.goes_on.set()
    _, headers, body = await busy.answer()
    assert (headers["connection"], body) == ("close", b"[2]")
    assert await busy.is_ended()
    await stopping


async def test_a_stop_cuts_what_takes_too_long(
    server: RpcServer, timelines: Timelines, dial: Dial
) -> None:
    connection = await dial(server)
    connection.ask(f"{HOME}?user_id=2")
    await asyncio.wait_for(timelines.begun.wait(), WITHIN_S)
    await server.stop(0)
    assert await connection.is_ended()
    await asyncio.wait_for(timelines.cancelled.wait(), WITHIN_S)


async def test_an_address_that_is_taken_is_named(server: RpcServer, timelines: Timelines) -> None:
    taken = f"127.0.0.1:{server.http_port}"
    with pytest.raises(BindError, match=taken):
        await served(timelines, http=HttpAt(taken)).start()


def _context(folder: Path, name: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=folder / "ca.pem")
    made.check_hostname = False
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


async def test_it_listens_where_settings_say_and_never_unprotected_behind_a_sidecar(
    tmp_path: Path,
) -> None:
    new_folder(tmp_path)
    given = {"AVIARY_TIMELINE_HTTP_ADDRESS": "127.0.0.1:7"}
    protected = {"AVIARY_SIDECAR": "on", "AVIARY_TIMELINE_TLS_DIR": str(tmp_path)}
    async with AsyncExitStack() as stack:
        loops = Loops(stack, Readiness())

        async def found(name: str, **more: str) -> HttpAt | None:
            settings = Settings.from_environment({**given, **more})
            security = Security(sidecar=settings.sidecar)
            return await http_at(name, settings, security, loops)

        assert await found("timeline") == HttpAt("127.0.0.1:7")
        assert await found("timeline", AVIARY_SIDECAR="on") is None
        behind = await found("timeline", **protected)
        assert behind is not None
        assert behind.tls is not None
        assert await found("identity") is await found("user") is None


@pytest.mark.parametrize("sidecar", [False, True])
async def test_the_edge_alone_gets_in_by_its_certificate(
    tmp_path: Path, timelines: Timelines, dial: Dial, *, sidecar: bool
) -> None:
    folder = tmp_path / "certificates"
    new_folder(folder)
    files = TlsFiles(folder, "timeline")
    tls = ListenerTls(folder, "timeline", files)
    security = Security(None if sidecar else files, sidecar=sidecar)
    server = served(timelines, security=security, http=HttpAt("127.0.0.1:0", tls))
    await server.start()
    try:
        edge = await dial(server, ssl=_context(folder, "edge"))
        # What a sidecar would say is no news of this connection.
        said = "x-forwarded-client-cert: URI=spiffe://aviary.local/tweet"
        edge.ask(f"{HOME}?user_id=1", said)
        assert (await edge.answer())[2] == b"[1]"
        assert timelines.seen["peer"] == "edge"
        for name in ("tweet", "gateway", "operator", "timeline"):
            other = await dial(server, ssl=_context(folder, name))
            other.ask(f"{HOME}?user_id=1")
            assert await other.is_ended()
        new_folder(folder)
        files.refresh()
        tls.refresh()
        renewed = await dial(server, ssl=_context(folder, "edge"))
        renewed.ask(f"{HOME}?user_id=1")
        assert (await renewed.answer())[2] == b"[1]"
    finally:
        await server.stop(0)
