import asyncio
import time
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from probe import PROBE, SERVICE, Probe, Text, serving
from structlog.testing import capture_logs

from services.platform.errors import UnavailableError
from services.platform.rpc import interceptors
from services.platform.rpc.channels import open_channel
from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES, MAX_STREAMED_BYTES
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import BindError, RpcServer, Servicer
from services.platform.rpc.status import DETAILS_KEY
from services.platform.runtime.deadlines import deadline_in, remaining_s

WAIT_S = 20


async def echo(request: Any, _context: Any) -> Any:
    return Text(text=request.text)


async def forever(_request: Any, _context: Any) -> Any:
    await asyncio.Event().wait()


async def test_message_and_encoded_bytes_both_arrive() -> None:
    async def encoded(request: Any, _context: Any) -> bytes:
        # Two encodings spliced: protobuf takes the last value, so the client sees "end".
        return bytes(request.SerializeToString() + Text(text="end").SerializeToString())

    async with serving(echo) as (stub, _, _):
        assert (await stub.Read(Text(text="hi"), timeout=WAIT_S)).text == "hi"
    async with serving(encoded) as (stub, _, _):
        assert (await stub.Read(Text(text="hi"), timeout=WAIT_S)).text == "end"


async def test_stream_gives_its_messages_in_order() -> None:
    async with serving(echo) as (stub, _, _):
        messages = [
            m.text async for m in RpcClient(timeout_s=20).stream(stub.List, Text(text="a b c"))
        ]
    assert messages == ["a", "b", "c"]


async def test_a_deadline_that_meets_an_answer_gives_no_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    abort, answers, ended = interceptors._abort, [], asyncio.Event()

    async def abort_slowly(context: Any, code: grpc.StatusCode, status: Status) -> None:
        answers.append(code)
        sent = asyncio.create_task(abort(context, code, status))
        await asyncio.wait({sent})
        assert isinstance(sent.exception(), grpc.aio.AbortError)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def gone(_request: Any, _context: Any) -> Any:
        raise UnavailableError("a sibling")

    monkeypatch.setattr(interceptors, "DEFAULT_DEADLINE_S", 0.1)
    monkeypatch.setattr(interceptors, "_abort", abort_slowly)
    async with serving(gone) as (stub, _, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Append(Text())
        await asyncio.wait_for(ended.wait(), WAIT_S)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert answers == [grpc.StatusCode.UNAVAILABLE]


async def test_default_deadline_ends_a_stuck_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interceptors, "DEFAULT_DEADLINE_S", 0.1)
    started = time.monotonic()
    with capture_logs() as logs:
        async with serving(forever) as (stub, _, _):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Read(Text())
    assert time.monotonic() - started < WAIT_S
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    trailers = dict(caught.value.trailing_metadata() or ())
    assert Status.FromString(trailers[DETAILS_KEY]).details
    (log,) = [log for log in logs if log["event"] == "rpc.handled"]
    assert (log["code"], log["log_level"]) == ("DEADLINE_EXCEEDED", "warning")


async def test_clients_deadline_reaches_the_handler_and_cancels_it() -> None:
    left: list[float | None] = []
    cancelled = asyncio.Event()

    async def stuck(_request: Any, _context: Any) -> Any:
        left.append(remaining_s())
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serving(stuck) as (stub, _, _):
        with deadline_in(0.2), pytest.raises(UnavailableError):
            await RpcClient(timeout_s=20).call(stub.Append, Text())
        await asyncio.wait_for(cancelled.wait(), WAIT_S)
    assert left[0] is not None
    # gRPC rounds a timeout up for the wire, so a little more than 0.2 may arrive; never the
    # client's or the server's default.
    assert 0 < left[0] < 0.5
    assert remaining_s() is None


async def test_health_follows_the_servers_life() -> None:
    async with serving(echo) as (_, _, server), open_channel(server.address, []) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for name in ("", SERVICE):
            answer = await check(health_pb2.HealthCheckRequest(service=name), timeout=WAIT_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services() -> None:
    async with serving(echo) as (_, _, server), open_channel(server.address, []) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]), timeout=WAIT_S)
        answer = await anext(aiter(call))
        call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_drain_lets_a_call_in_flight_end_and_refuses_new_ones() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def held(_request: Any, _context: Any) -> Any:
        entered.set()
        await release.wait()
        return Text(text="done")

    async with serving(held) as (stub, _, server):
        in_flight = asyncio.ensure_future(stub.Append(Text(), timeout=WAIT_S))
        await asyncio.wait_for(entered.wait(), WAIT_S)
        stopping = asyncio.create_task(server.stop(WAIT_S))
        while not server._health._gracefully_shutting_down:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        status = server._health._server_status[SERVICE]
        assert status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not stopping.done()
        release.set()
        assert (await in_flight).text == "done"
        await asyncio.wait_for(stopping, WAIT_S)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Append(Text(), timeout=WAIT_S)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_drain_cuts_a_stuck_call_at_the_grace() -> None:
    entered = asyncio.Event()

    async def stuck(_request: Any, _context: Any) -> Any:
        entered.set()
        await asyncio.Event().wait()

    async with serving(stuck) as (stub, _, server):
        call = asyncio.ensure_future(stub.Append(Text(), timeout=WAIT_S))
        await asyncio.wait_for(entered.wait(), WAIT_S)
        await asyncio.wait_for(server.stop(0.1), WAIT_S)
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call


async def test_taken_port_is_named() -> None:
    async with serving(echo) as (_, _, server):
        second = RpcServer(server.address, [Servicer(PROBE, Probe(echo))])
        with pytest.raises(BindError, match=server.address):
            await second.start()


async def test_missing_rpc_is_named_at_start() -> None:
    server = RpcServer("127.0.0.1:0", [Servicer(PROBE, object())])
    with pytest.raises(TypeError, match=r"probe\.v1\.ProbeService\.Read"):
        await server.start()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_request_has_so_many_bytes_unpacked(compression: grpc.Compression) -> None:
    async with serving(echo) as (stub, probe, _):
        for stub_method in (stub.Read, stub.Append):
            room = MAX_REQUEST_BYTES - 4  # for the field's number and length
            fits = Text(text="a" * room)
            assert fits.ByteSize() == MAX_REQUEST_BYTES
            assert await stub_method(fits, timeout=WAIT_S, compression=compression) == fits
            for size, code in (
                (room + 1, grpc.StatusCode.INVALID_ARGUMENT),
                (MAX_STREAMED_BYTES, grpc.StatusCode.RESOURCE_EXHAUSTED),
                (2**23, grpc.StatusCode.RESOURCE_EXHAUSTED),
            ):
                request = Text(text="a" * size)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stub_method(request, timeout=WAIT_S, compression=compression)
                assert caught.value.code() is code
                assert "larg" in caught.value.details() or "at most" in caught.value.details()
    assert probe.calls == 2


async def test_batches_of_an_edge_are_larger_than_any_request() -> None:
    batch = b"a" * (MAX_STREAMED_BYTES - 1)

    async def take(requests: Any, _context: Any) -> bytes:
        return b"".join([str(len(each)).encode() async for each in requests])

    handler = grpc.stream_unary_rpc_method_handler(take)
    served = grpc.method_handlers_generic_handler("edge.v1.Log", {"Stream": handler})
    server = RpcServer("127.0.0.1:0", [served])
    await server.start()
    try:
        async with open_channel(server.address, []) as channel:
            counted = channel.stream_unary("/edge.v1.Log/Stream")(iter([batch]), timeout=WAIT_S)
            assert int(await counted) == len(batch)
    finally:
        await server.stop(0)
