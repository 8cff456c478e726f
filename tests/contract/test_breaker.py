"""The circuit breaker of the cache, with a server that hangs and dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import ResponseError

from services.platform.errors import UnavailableError
from services.platform.observability.names import (
    METRIC_CACHE_CIRCUIT_OPENED,
    METRIC_CACHE_CIRCUIT_REFUSED,
    METRIC_HOT_STORE_UNAVAILABLE,
)
from services.platform.runtime.deadlines import deadline_in
from services.platform.valkey.breaker import (
    CALL_TIMEOUT_S,
    SIGNIFICANT_S,
    CircuitBreaker,
    CircuitFigures,
    GuardedValkey,
)
from services.platform.valkey.connection import valkey_errors
from services.platform.valkey.script import Script
from tests.contract.metric_values import Metrics
from tests.contract.valkey_servers import valkey_node

WITHIN_S = 20
# What a call may take that is not sent; a loaded machine is slow to say even that.
AT_ONCE_S = CALL_TIMEOUT_S / 2


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[tuple[GuardedValkey, int]]:
    """The client and the server's process id."""
    with valkey_node(tmp_path) as port:
        client = GuardedValkey.from_url(
            f"redis://127.0.0.1:{port}/0",
            socket_timeout=CALL_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        pid = (await client.info("server"))["process_id"]
        yield client, pid
        os.kill(pid, signal.SIGCONT)
        await client.aclose()


async def call(client: GuardedValkey) -> None:
    with valkey_errors():
        await client.set("key", "value")


async def pipelined(client: GuardedValkey) -> None:
    with valkey_errors():
        await client.pipeline(transaction=False).set("key", "value").execute()


async def refused_after_s(client: GuardedValkey) -> float:
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        await pipelined(client)
    return time.monotonic() - began


async def closed(client: GuardedValkey) -> None:
    async with asyncio.timeout(WITHIN_S):
        while client.breaker.is_open:  # noqa: ASYNC110 - it closes by itself, and notifies nobody
            await asyncio.sleep(0.01)


async def test_one_call_waits_and_the_next_fail_at_once(cache: tuple[GuardedValkey, int]) -> None:
    client, pid = cache
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UnavailableError):
        await call(client)
    assert client.breaker.is_open
    for _ in range(5):
        assert await refused_after_s(client) < AT_ONCE_S
    # Nobody calls; it closes all the same.
    os.kill(pid, signal.SIGCONT)
    await closed(client)
    await call(client)
    await pipelined(client)


async def test_a_pipeline_opens_it_too(cache: tuple[GuardedValkey, int]) -> None:
    client, pid = cache
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UnavailableError):
        await pipelined(client)
    assert client.breaker.is_open


async def test_a_request_keeps_half_of_its_time_for_the_rows(
    cache: tuple[GuardedValkey, int],
) -> None:
    client, pid = cache
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with deadline_in(CALL_TIMEOUT_S / 2), pytest.raises(UnavailableError):
        await call(client)
    assert time.monotonic() - began < CALL_TIMEOUT_S * 0.75
    assert client.breaker.is_open


async def test_a_script_keeps_half_of_it_too(cache: tuple[GuardedValkey, int]) -> None:
    client, pid = cache
    script = Script(client, "return 1")
    await script.run([b"k"])
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with deadline_in(CALL_TIMEOUT_S / 2), pytest.raises(UnavailableError):
        await script.run([b"k"])
    assert time.monotonic() - began < CALL_TIMEOUT_S * 0.75
    assert client.breaker.is_open
    with pytest.raises(UnavailableError):
        await script.run_pages([((b"k",), ())])
    os.kill(pid, signal.SIGCONT)
    await closed(client)
    assert await script.run_pages([((b"k",), ()), ((b"l",), ())]) == [1, 1]


async def test_scripts_that_get_no_answer_open_it(cache: tuple[GuardedValkey, int]) -> None:
    client, pid = cache
    script = Script(client, "return 1")
    await script.run([b"k"])
    os.kill(pid, signal.SIGSTOP)
    results = await asyncio.gather(
        script.run([b"k"]), script.run_pages([((b"k",), ()), ((b"l",), ())]), return_exceptions=True
    )
    assert {type(each) for each in results} == {UnavailableError}
    assert client.breaker.is_open
    os.kill(pid, signal.SIGCONT)
    await closed(client)
    assert await script.run([b"k"]) == 1


async def test_a_request_whose_time_is_up_says_nothing_of_the_cache(
    cache: tuple[GuardedValkey, int],
) -> None:
    client, pid = cache
    os.kill(pid, signal.SIGSTOP)
    with deadline_in(SIGNIFICANT_S), pytest.raises(UnavailableError):
        await call(client)
    assert not client.breaker.is_open
    os.kill(pid, signal.SIGCONT)
    await call(client)


async def test_an_answer_that_is_an_error_does_not_open_it(
    cache: tuple[GuardedValkey, int],
) -> None:
    client, _ = cache
    await call(client)
    with pytest.raises(ResponseError):
        await client.lpush("key", "not a list")
    assert not client.breaker.is_open


async def test_closing_ends_the_probing(cache: tuple[GuardedValkey, int]) -> None:
    client, pid = cache
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UnavailableError):
        await call(client)
    await client.aclose()
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "cache-probe" not in names


async def test_outages_and_refusals_are_counted() -> None:
    metrics = Metrics()
    breaker = CircuitBreaker(asyncio.Event().wait, CircuitFigures(metrics.provider))
    for _ in range(3):
        with pytest.raises(NoConnectionError, match="gone"):
            async with breaker.call():
                raise NoConnectionError("gone")
    assert metrics.values(METRIC_CACHE_CIRCUIT_OPENED) == {(): 1}
    assert metrics.values(METRIC_CACHE_CIRCUIT_REFUSED) == {(): 2}
    await breaker.aclose()


async def test_failures_of_the_cache_are_counted_from_none() -> None:
    """Rates see nothing in a series that begins with its first failure."""
    metrics = Metrics()
    CircuitBreaker(asyncio.Event().wait, CircuitFigures(metrics.provider))
    assert metrics.values(METRIC_HOT_STORE_UNAVAILABLE) == {
        ("ConnectionError",): 0,
        ("TimeoutError",): 0,
        ("CircuitOpenError",): 0,
    }
