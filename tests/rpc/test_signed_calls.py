"""Signed requests over real sockets, with nonces in a real Valkey."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from probe import PROBE, SERVICE, Probe, Stub, Text

from services.platform.config.signing_keys import SigningKey
from services.platform.errors import NotFoundError, PermissionDeniedError, UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer, Servicer
from services.platform.rpc.signed_channel import RetryBudget
from services.platform.rpc.status import DETAILS_KEY
from services.platform.runtime.clock import SystemClock
from services.platform.security.nonces import ValkeyNonces
from services.platform.security.process import Security
from services.platform.security.signing import SIGNATURE_KEY, WINDOW_MS, Signer, Verifier
from services.platform.valkey.connection import open_valkey
from tests.certificates import WAIT_S, Ids, files, id_server, lease, new_folder
from tests.contract.valkey_servers import valkey_node

OLD, NEW, UNKNOWN = (SigningKey(n, n.encode() * 11) for n in ("old", "new", "unk"))
READ = f"/{SERVICE}/Read"


class Late:
    """A clock that is off."""

    def __init__(self, by_ms: int) -> None:
        self.by_ms = by_ms

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.by_ms


def signer(*keys: SigningKey, off_ms: int = 0) -> Signer:
    return Signer(lambda: keys, Late(off_ms))


class World:
    """A server that wants signatures, and its Valkey."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack = stack
        self._valkey = valkey_node(folder)
        port = self._valkey.__enter__()
        self._ended = False
        self._client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=1)
        stack.push_async_callback(self._client.aclose)
        stack.callback(self.end_valkey)
        self.keys: tuple[SigningKey, ...] = (OLD,)
        self.verifier = Verifier(lambda: self.keys, ValkeyNonces(self._client), SystemClock())
        self.probe = Probe(self.answer)
        self.failures: list[Exception] = []
        self.address = ""

    async def answer(self, request: Any, _context: Any) -> Any:
        if self.failures:
            raise self.failures.pop()
        return Text(text=request.text)

    def end_valkey(self) -> None:
        if not self._ended:
            self._ended = True
            self._valkey.__exit__(None, None, None)

    async def start(self) -> None:
        server = RpcServer(
            "127.0.0.1:0", [Servicer(PROBE, self.probe)], security=Security(verifier=self.verifier)
        )
        await server.start()
        self._stack.push_async_callback(server.stop, 0)
        self.address = server.address

    def stub(self, signs: Signer | None) -> Stub:
        channel = open_channel(self.address, [PROBE], signer=signs)
        self._stack.push_async_callback(channel.close)
        return Stub(channel)

    async def send(self, body: bytes, *signatures: str, path: str = READ) -> str:
        """Send bytes with signatures as they are; the reason of the refusal, or OK."""
        async with grpc.aio.insecure_channel(self.address) as channel:
            metadata = [(SIGNATURE_KEY, each) for each in signatures]
            try:
                await channel.unary_unary(path)(body, timeout=WAIT_S, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                info = ErrorInfo()
                trailers = dict(error.trailing_metadata() or ())
                Status.FromString(trailers[DETAILS_KEY]).details[0].Unpack(info)
                expected = {"UNAVAILABLE": "UNAVAILABLE"}.get(info.reason, "PERMISSION_DENIED")
                return info.reason if error.code().name == expected else error.code().name
        return "OK"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World(stack, tmp_path)
        await world.start()
        yield world


async def test_signed_calls_and_streams_arrive(world: World) -> None:
    stub, rpc = world.stub(signer(OLD)), RpcClient(timeout_s=WAIT_S)
    for text in ("", "hi", "x" * 60_000):
        assert (await rpc.call(stub.Read, Text(text=text))).text == text
    stream = rpc.stream(stub.List, Text(text="a b c"), timeout_s=WAIT_S, idle_s=WAIT_S)
    assert [each.text async for each in stream] == ["a", "b", "c"]


async def test_unsigned_calls_and_streams_are_refused(world: World) -> None:
    stub, rpc = world.stub(None), RpcClient(timeout_s=WAIT_S)
    with pytest.raises(PermissionDeniedError):
        await rpc.call(stub.Read, Text())
    with pytest.raises(PermissionDeniedError):
        assert [each async for each in rpc.stream(stub.List, Text(text="a"))]
    assert world.probe.calls == 0


async def test_health_wants_no_signature(world: World) -> None:
    async with open_channel(world.address, []) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = await check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_what_is_not_as_it_was_signed_is_refused(world: World) -> None:
    body = Text(text="hi").SerializeToString()
    good = signer(OLD).sign(READ, body)
    # Protobuf reads it as the same message; on the wire it is another.
    assert await world.send(body + body, good) == "SIGNATURE_INVALID"
    assert await world.send(Text(text="ho").SerializeToString(), good) == "SIGNATURE_INVALID"
    assert await world.send(body, good, path=f"/{SERVICE}/Put") == "SIGNATURE_INVALID"
    assert await world.send(body) == "SIGNATURE_MALFORMED"
    assert await world.send(body, good, good) == "SIGNATURE_MALFORMED"
    assert await world.send(body, signer(UNKNOWN).sign(READ, body)) == "SIGNATURE_KEY_UNKNOWN"
    for off_ms in (-WINDOW_MS - 5_000, WINDOW_MS + 5_000):
        signature = signer(OLD, off_ms=off_ms).sign(READ, body)
        assert await world.send(body, signature) == "SIGNATURE_EXPIRED"
    assert world.probe.calls == 0
    assert await world.send(body, good) == "OK"
    assert await world.send(body, good) == "SIGNATURE_REPLAYED"
    assert world.probe.calls == 1


async def test_of_one_request_sent_many_times_at_once_one_is_taken(world: World) -> None:
    body = Text(text="hi").SerializeToString()
    signature = signer(OLD).sign(READ, body)
    answers = await asyncio.gather(*(world.send(body, signature) for _ in range(10)))
    assert sorted(answers) == ["OK"] + ["SIGNATURE_REPLAYED"] * 9


async def test_both_keys_are_good_while_they_rotate(world: World) -> None:
    body = b""
    for keys, signed_old, signed_new in (
        ((OLD,), "OK", "SIGNATURE_KEY_UNKNOWN"),
        ((OLD, NEW), "OK", "OK"),
        ((NEW, OLD), "OK", "OK"),
        ((NEW,), "SIGNATURE_KEY_UNKNOWN", "OK"),
    ):
        world.keys = keys
        assert await world.send(body, signer(OLD).sign(READ, body)) == signed_old
        assert await world.send(body, signer(NEW).sign(READ, body)) == signed_new


async def test_each_retry_is_signed_anew(world: World) -> None:
    stub, rpc = world.stub(signer(OLD)), RpcClient(timeout_s=WAIT_S)
    world.failures = [UnavailableError("restarting"), UnavailableError("restarting")]
    assert (await rpc.call(stub.Read, Text(text="back"))).text == "back"
    assert world.probe.calls == 3
    world.failures = [UnavailableError("restarting")]
    with pytest.raises(UnavailableError):
        await rpc.call(stub.Append, Text())
    assert world.probe.calls == 4
    world.failures = [NotFoundError("no such thing", reason="THING")]
    with pytest.raises(NotFoundError):
        await rpc.call(stub.Read, Text())
    assert world.probe.calls == 5


def test_the_budget_ends_retries_to_a_sibling_that_stays_away() -> None:
    budget = RetryBudget()
    assert sum(budget.may_retry() for _ in range(100)) == 9
    for _ in range(10):
        budget.succeeded()
    assert not budget.may_retry()
    for _ in range(200):
        budget.succeeded()
    assert budget.may_retry()


async def test_denied_while_valkey_is_away(world: World) -> None:
    body = b""
    assert await world.send(body, signer(OLD).sign(READ, body)) == "OK"
    world.end_valkey()
    assert await world.send(body, signer(OLD).sign(READ, body)) == "UNAVAILABLE"
    assert world.probe.calls == 1


async def test_under_mtls_siblings_sign_and_the_edge_need_not(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_folder(tmp_path / "certificates")
    monkeypatch.setattr(
        "services.platform.rpc.server.allowed_peers", lambda _method: frozenset({"edge", "tweet"})
    )
    ids = Ids()
    tls = files(tmp_path / "certificates", "id")
    server = id_server(ids, Security(tls, verifier=world.verifier))
    await server.start()

    async def code(peer: str, signs: Signer | None) -> str:
        towards = files(tmp_path / "certificates", peer).towards("id")
        channel = open_channel(server.address, [], tls=towards, signer=signs)
        try:
            return await lease(channel)
        finally:
            await channel.close()

    assert await code("tweet", signer(OLD)) == "OK"
    assert await code("tweet", None) == "PERMISSION_DENIED"
    assert await code("edge", None) == "OK"
    assert await code("graph", signer(OLD)) == "PERMISSION_DENIED"
    assert ids.calls == 2
    await server.stop(0)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that is logged by what is made from here on."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(written),
    )
    try:
        yield written
    finally:
        structlog.configure(**before)
        logging.getLogger().removeHandler(handler)


async def test_no_log_holds_a_key_or_a_signature(
    written: io.StringIO, world: World, tmp_path: Path
) -> None:
    new_folder(tmp_path / "certificates")
    key = (tmp_path / "certificates" / "tweet.key").read_text()
    tls = files(tmp_path / "certificates", "tweet")
    (tmp_path / "certificates" / "tweet.pem").write_text(key)
    tls.refresh()
    sent = [signer(each).sign(READ, b"") for each in (OLD, NEW)]
    for each in sent:
        await world.send(b"?", each)
        await world.send(b"", each)
    stub = world.stub(signer(OLD))
    await RpcClient(timeout_s=WAIT_S).call(stub.Read, Text(text="hi"))
    logs = written.getvalue()
    assert "rpc.denied" in logs
    assert "tls.reload_failed" in logs
    assert "rpc.handled" in logs
    secrets = [OLD.secret.decode(), OLD.secret.hex(), *(each.split(" ")[-1] for each in sent)]
    for secret in [*secrets, *key.splitlines()]:
        assert secret not in logs
