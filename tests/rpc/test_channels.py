from typing import Any

import pytest
from probe import PROBE, SERVICE, Text, serving

from services.errors import NotFoundError, UnavailableError
from services.rpc.channels import Caller, service_config


async def test_retries_only_what_is_safe_to_repeat() -> None:
    async def away(_request: Any, _context: Any) -> Any:
        raise UnavailableError("restarting")

    async with serving(away) as (stub, probe, _):
        for method, tries in ((stub.Read, 3), (stub.Put, 3), (stub.Append, 1)):
            probe.calls = 0
            with pytest.raises(UnavailableError, match="restarting"):
                await Caller(timeout_s=20).call(method, Text())
            assert probe.calls == tries


async def test_retry_hides_one_failure() -> None:
    answers = iter([UnavailableError("restarting"), Text(text="back")])

    async def flaky(_request: Any, _context: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with serving(flaky) as (stub, _, _):
        assert (await Caller(timeout_s=20).call(stub.Read, Text())).text == "back"


async def test_an_answer_is_never_retried() -> None:
    async def missing(_request: Any, _context: Any) -> Any:
        raise NotFoundError("no such thing", reason="THING")

    async with serving(missing) as (stub, probe, _):
        with pytest.raises(NotFoundError):
            await Caller(timeout_s=20).call(stub.Read, Text())
    assert probe.calls == 1


async def test_budget_stops_retries_to_a_sibling_that_stays_away() -> None:
    async def away(_request: Any, _context: Any) -> Any:
        raise UnavailableError("down")

    async with serving(away) as (stub, probe, _):
        for _ in range(20):
            with pytest.raises(UnavailableError):
                await Caller(timeout_s=20).call(stub.Read, Text())
    # Without a budget there would be 60; each failure past the tenth is tried once.
    assert probe.calls < 30


def test_config_names_only_the_safe_methods() -> None:
    (retried,) = service_config([PROBE])["methodConfig"]
    assert {name["method"] for name in retried["name"]} == {"Read", "Put", "List"}
    assert {name["service"] for name in retried["name"]} == {SERVICE}
