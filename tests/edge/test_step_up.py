"""Clients of ours that are asked for a proof of work do it, and go on: on the real Envoy."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.control_plane.reputation import ReputationRules
from gateway.limits.table import CLASSES
from services.cli.load.edge_client import EdgeClient
from services.local.operator_file import Operator, fetch_token
from services.platform.security.step_up import (
    CHALLENGES,
    FLOWS,
    PROOF_HEADER,
    asked_for_proof,
    proof_of,
)
from tests.edge.limited_edge import LimitedEdge, limited_edge

HERE = "ip:127.0.0.1/32"
HOSTILE = 1_000.0
MORE_THAN_THE_HOSTILE_MAY = 15
JITTER = random.Random(0)  # noqa: S311 - guards nothing


@pytest_asyncio.fixture
async def watched() -> AsyncIterator[LimitedEdge]:
    """An edge that takes this machine for hostile, for longer than a test lasts."""
    async with limited_edge(rules=ReputationRules()) as running:
        await running.store.raise_scores({HERE: HOSTILE})
        yield running


async def test_loader_goes_on(watched: LimitedEdge) -> None:
    async with EdgeClient(str(watched.client.base_url), JITTER) as edge:
        for number in range(MORE_THAN_THE_HOSTILE_MAY):
            body = {"user_id": "1", "text": str(number)}
            assert (await edge.post("/v1/tweets", body))["tweet"]["text"] == str(number)
        assert 0 < edge.retried <= MORE_THAN_THE_HOSTILE_MAY


async def test_command_token_goes_on(watched: LimitedEdge) -> None:
    operator = Operator(str(watched.client.base_url), "a secret", {})
    for _ in range(MORE_THAN_THE_HOSTILE_MAY):
        assert await asyncio.to_thread(fetch_token, operator) == "a token"
    refused = await watched.client.post("/oauth/token", data={"grant_type": "x"})
    assert asked_for_proof("/oauth/token", refused.status_code, refused.content) == "token"
    # To clients of OAuth in their own shape.
    said = refused.json()
    assert (said["error"], said["error_description"]) == (
        "temporarily_unavailable",
        "too many requests",
    )


@pytest.mark.parametrize("path", ["/oauth/log-in", "/oauth/password"])
async def test_issuer_gets_to_know_of_a_proof_once(watched: LimitedEdge, path: str) -> None:
    challenge = (await watched.client.post(CHALLENGES, json={"flow": FLOWS[path]})).json()
    proof = {PROOF_HEADER: proof_of(challenge)}
    answers = [await watched.client.post(path, headers=headers) for headers in (proof, proof, {})]
    assert [answer.headers["x-was-proven"] for answer in answers] == ["yes", "no", "no"]


def test_flows_are_those_of_the_table() -> None:
    wanting = {one.name for one in CLASSES if one.step_up}
    assert set(FLOWS.values()) <= wanting


def test_only_a_step_up_asks_for_a_proof() -> None:
    asks = b'{"details":[{"reason":"STEP_UP_REQUIRED"}]}'
    assert asked_for_proof("/v1/tweets", 429, asks) == "post"
    assert asked_for_proof("/v1/follow", 429, asks) is None
    assert asked_for_proof("/v1/tweets", 400, asks) is None
    for other in (b"", b"[]", b'{"details":[1]}', b'{"details":[{"reason":"RATE_LIMITED"}]}'):
        assert asked_for_proof("/v1/tweets", 429, other) is None
