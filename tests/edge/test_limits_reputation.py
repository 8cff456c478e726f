"""What a subject of bad reputation meets, and how it earns a better one: on the real Envoy."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.limits.budgets import Subject
from services.platform.security.step_up import solve
from tests.edge.limited_edge import (
    QUICK,
    LimitedEdge,
    limited_edge,
)
from tests.edge.limited_requests import TIMEOUT_S, ask, assert_refused, documented, headers_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watchful() -> AsyncIterator[LimitedEdge]:
    """An edge whose gateway minds reputation, and forgets it fast."""
    async with limited_edge(rules=QUICK, trusted_hops=1) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def until_limit(watchful: LimitedEdge, headers: dict[str, str], limit: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            answer = await ask(watchful, "home", headers)
            if answer.headers["x-rate-limit-limit"] == str(limit):
                return
            await asyncio.sleep(0.1)


async def misbehave(watchful: LimitedEdge, headers: dict[str, str]) -> None:
    """Send what no client sends: forty malformed requests."""
    await asyncio.gather(*(watchful.client.get("/v1/users/x", headers=headers) for _ in range(55)))


@pytest.mark.parametrize("subject", [Subject.USER, Subject.IP])
async def test_a_misbehaving_subject_is_slowed_and_released(
    watchful: LimitedEdge, subject: Subject
) -> None:
    headers, usual = headers_of(subject, 4_000), documented("home", subject)
    await until_limit(watchful, headers, usual)
    await misbehave(watchful, headers)
    await until_limit(watchful, headers, usual // 4)
    # Reputation decays by half each second here.
    await until_limit(watchful, headers, usual)


@pytest.mark.parametrize(
    ("flow", "subject"),
    [("post", Subject.USER), ("sign-up", Subject.USER), ("sign-up", Subject.IP)],
)
async def test_a_proof_helps_a_subject_of_bad_reputation(
    watchful: LimitedEdge, flow: str, subject: Subject
) -> None:
    headers = headers_of(subject, 5_000 + len(flow))
    address = f"{headers['x-forwarded-for']}/32"
    who = headers["x-user-id"] if subject is Subject.USER else address
    await watchful.store.raise_scores({f"{subject}:{who}": 1_000.0})
    await until_limit(watchful, headers, documented("home", subject) // 20)
    answers = [await ask(watchful, flow, headers) for _ in range(2)]
    assert_refused(answers[-1])
    (info, _) = answers[-1].json()["details"]
    assert info["reason"] == "STEP_UP_REQUIRED"
    where = info["metadata"]["challenge"]
    given = (await watchful.client.post(where, json={"flow": flow}, headers=headers)).json()
    proof = {"x-proof-of-work": solve(given["challenge"], given["difficulty_bits"])}
    stolen = await ask(watchful, flow, {**headers_of(Subject.IP, 0), **proof})
    assert stolen.status_code == 200  # the thief has a budget of its own, and spends no proof
    proven = await ask(watchful, flow, {**headers, **proof})
    assert proven.status_code == 200, proven.text
    again = await ask(watchful, flow, {**headers, **proof})
    assert_refused(again)


@pytest.mark.parametrize(
    ("user", "body", "content_type"),
    [
        (6_000, '{"user_id": "1", "text": "a"}', "application/json"),
        # Of two texts the edge notes the one that is posted.
        (6_001, '{"user_id": "1", "text": "%d", "text": "a"}', "application/json"),
        (6_002, '{"user_id": "1", "text": "a"}', None),
    ],
)
async def test_the_same_text_again_and_again_is_noticed(
    watchful: LimitedEdge, user: int, body: str, content_type: str | None
) -> None:
    headers = headers_of(Subject.USER, user)
    if content_type is not None:
        headers["content-type"] = content_type
    for number in range(documented("post", "user")):
        content = body.replace("%d", str(number))
        answer = await watchful.client.post("/v1/tweets", content=content, headers=headers)
        if answer.status_code == 429:
            break  # on a slow machine it is noticed, and the budget lowered, before the last post
        assert answer.json()["tweet"]["text"] == "a"
    async with asyncio.timeout(TIMEOUT_S):
        user_id = headers["x-user-id"]
        while user_id not in str(await watchful.store.listed(Subject.USER)):  # noqa: ASYNC110 - Valkey notifies nobody
            await asyncio.sleep(0.05)


async def test_an_unknown_flow_has_no_challenge(watchful: LimitedEdge) -> None:
    answer = await watchful.client.post("/v1/challenges", json={"flow": "reading"})
    assert answer.status_code == 400
    assert "post" in answer.json()["message"]
