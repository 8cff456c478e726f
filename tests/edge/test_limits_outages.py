"""Limits without Valkey, and without the gateway: reads go on, sign-ups do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError

from gateway.control_plane.proof_of_work import ProofOfWork
from services.platform.errors import UnavailableError
from services.platform.runtime.clock import SystemClock
from tests.edge.limited_edge import UNMOVED, LimitedEdge, limited_edge

USER = {"x_user_id": "1000001"}
TIMEOUT_S = 20.0
HANG_MS = 600_000


@pytest.fixture(params=["stopped", "hung", "no gateway"])
async def broken(request: pytest.FixtureRequest) -> AsyncIterator[LimitedEdge]:
    async with limited_edge(rules=UNMOVED) as edge:
        assert (await edge.post("/v1/users", {"handle": "abc"}, **USER)).is_success
        match request.param:
            case "stopped":
                with contextlib.suppress(RedisError):
                    await edge.valkey.shutdown(nosave=True)
            case "hung":
                await edge.valkey.client_pause(HANG_MS)
            case _:
                await edge.gateway.stop(0)
        yield edge


async def test_reads_stay_open_and_limited(broken: LimitedEdge) -> None:
    answers = [await broken.get("/v1/timeline/user?user_id=1", **USER) for _ in range(40)]
    assert {one.status_code for one in answers[:30]} == {200}
    assert answers[-1].status_code == 429


async def test_posts_stay_open_within_what_an_edge_allows(broken: LimitedEdge) -> None:
    body = {"user_id": "1", "text": "a"}
    answers = await asyncio.gather(*(broken.post("/v1/tweets", body, **USER) for _ in range(60)))
    statuses = [one.status_code for one in answers]
    assert set(statuses) == {201, 429}
    assert 40 <= statuses.count(201) <= 44
    assert all("x-rate-limit-limit" in one.headers for one in answers)


async def test_sign_ups_close(broken: LimitedEdge) -> None:
    answer = await broken.post("/v1/users", {"handle": "abd"}, x_user_id="1000002")
    assert answer.status_code == 503
    assert answer.json()["code"] == 14


@pytest.mark.parametrize("path", ["/oauth/log-in", "/oauth/token", "/oauth/sign-up"])
async def test_log_ins_close(broken: LimitedEdge, path: str) -> None:
    assert (await broken.post(path, {})).status_code == 503


async def test_nothing_is_proven_without_valkey() -> None:
    async with limited_edge(rules=UNMOVED) as edge:
        work = ProofOfWork(edge.valkey, SystemClock(), lambda: [b"k" * 32], difficulty_bits=0)
        proof = f"{work.issue('log-in', 'ip:x').text}:0"
        with contextlib.suppress(RedisError):
            await edge.valkey.shutdown(nosave=True)
        with pytest.raises(UnavailableError):
            await work.verify("log-in", "ip:x", proof)


async def test_subjects_stay_as_they_were_known() -> None:
    async with limited_edge() as edge:
        await edge.store.raise_scores({"user:1000001": 1_000.0})
        await _until_limit(edge, 3)
        with contextlib.suppress(RedisError):
            await edge.valkey.shutdown(nosave=True)
        async with asyncio.timeout(TIMEOUT_S):
            while await _answers(edge):  # noqa: ASYNC110 - a server's end notifies nobody
                await asyncio.sleep(0.05)
        await _until_limit(edge, 3)


async def _answers(edge: LimitedEdge) -> bool:
    try:
        await edge.valkey.ping()
    except RedisError:
        return False
    return True


async def _until_limit(edge: LimitedEdge, limit: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            answer = await edge.get("/v1/timeline/home?user_id=1", **USER)
            if answer.headers["x-rate-limit-limit"] == str(limit):
                return
            await asyncio.sleep(0.1)
