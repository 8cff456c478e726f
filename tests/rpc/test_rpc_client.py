import asyncio
from typing import Any

import pytest
from probe import PROBE, SERVICE, Text, serving

from services.platform.errors import NotFoundError, UnavailableError
from services.platform.rpc.channels import service_config
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.deadlines import remaining_s


async def test_retries_only_what_is_safe_to_repeat() -> None:
    async def away(_request: Any, _context: Any) -> Any:
        raise UnavailableError("restarting")

    async with serving(away) as (stub, probe, _):
        for method, tries in ((stub.Read, 3), (stub.Put, 3), (stub.Append, 1)):
            probe.calls = 0
            with pytest.raises(UnavailableError, match="restarting"):
                await RpcClient(timeout_s=20).call(method, Text())
            assert probe.calls == tries


async def test_retry_hides_one_failure() -> None:
    answers = iter([UnavailableError("restarting"), Text(text="back")])

    async def flaky(_request: Any, _context: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with serving(flaky) as (stub, _, _):
        assert (await RpcClient(timeout_s=20).call(stub.Read, Text())).text == "back"


async def test_an_answer_is_never_retried() -> None:
    async def missing(_request: Any, _context: Any) -> Any:
        raise NotFoundError("no such thing", reason="THING")

    async with serving(missing) as (stub, probe, _):
        with pytest.raises(NotFoundError):
            await RpcClient(timeout_s=20).call(stub.Read, Text())
    assert probe.calls == 1


async def test_budget_stops_retries_to_a_sibling_that_stays_away() -> None:
    async def away(_request: Any, _context: Any) -> Any:
        raise UnavailableError("down")

    async with serving(away) as (stub, probe, _):
        for _ in range(20):
            with pytest.raises(UnavailableError):
                await RpcClient(timeout_s=20).call(stub.Read, Text())
    # Without a budget there would be 60; each failure past the tenth is tried once.
    assert probe.calls < 30


def test_config_names_only_the_safe_methods() -> None:
    (retried,) = service_config([PROBE])["methodConfig"]
    assert {name["method"] for name in retried["name"]} == {"Read", "Put", "List"}
    assert {name["service"] for name in retried["name"]} == {SERVICE}


async def test_a_stream_may_be_given_more_time_than_a_call() -> None:
    async def slow(_request: Any, _context: Any) -> None:
        await asyncio.sleep(0.3)

    async with serving(slow) as (stub, _, _):
        rpc = RpcClient(timeout_s=0.1)
        with pytest.raises(UnavailableError):
            assert [each async for each in rpc.stream(stub.List, Text())]
        assert [each async for each in rpc.stream(stub.List, Text(), timeout_s=20)] == []


async def test_a_silent_stream_is_given_up_and_ended() -> None:
    ended = asyncio.Event()

    async def silent(_request: Any, _context: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving(silent) as (stub, _, _):
        stream = RpcClient().stream(stub.List, Text(), timeout_s=60, idle_s=0.1)
        with pytest.raises(UnavailableError, match="silent"):
            assert [each async for each in stream]
        async with asyncio.timeout(20):
            await ended.wait()


async def test_the_reader_of_a_stream_may_take_longer_than_the_idle_time() -> None:
    async with serving(None) as (stub, _, _):
        words = []
        async for each in RpcClient().stream(
            stub.List, Text(text="a b c"), timeout_s=60, idle_s=0.2
        ):
            words.append(each.text)
            await asyncio.sleep(0.3)
    assert words == ["a", "b", "c"]


async def test_streams_have_a_longer_deadline_than_calls_where_the_client_set_none() -> None:
    seen: list[float] = []

    async def look(_request: Any, _context: Any) -> Any:
        seen.append(remaining_s() or 0)
        return Text()

    async with serving(look) as (stub, _, _):
        await stub.Read(Text())
        assert [each async for each in stub.List(Text())] == []
    call_s, stream_s = seen
    assert 0 < call_s <= 5
    assert 30 < stream_s <= 60
