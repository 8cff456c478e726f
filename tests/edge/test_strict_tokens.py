"""Tokens that Envoy's own check lets pass, and how the scheme before a token may be spelt."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.edge import tokens
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_auth import HOME, home, issuer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    keys: Path = tmp_path_factory.mktemp("keys")
    async with running_edge(tokens.token(), issuers=(issuer(keys),), limits=False) as running:
        yield running


async def refused_unseen(edge: Edge, token: str) -> None:
    edge.timelines.metadata = {}
    assert 'error="invalid_token"' in refused(await home(edge, token))
    assert edge.timelines.metadata == {}


@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["aviary"], [], "exp", None])
async def test_a_critical_header_that_is_not_understood_is_401(edge: Edge, crit: Any) -> None:
    await refused_unseen(edge, tokens.with_header(crit=crit, exp=1, aviary=1))
    assert (await home(edge, tokens.with_header(aviary=1))).status_code == 200


@pytest.mark.parametrize(
    "audience",
    [
        f"{tokens.AUDIENCE}/",
        f"https://{tokens.AUDIENCE}",
        f"http://{tokens.AUDIENCE}/",
        [f"{tokens.AUDIENCE}/", "other"],
        [],
    ],
)
async def test_an_audience_that_is_nearly_ours_is_401(edge: Edge, audience: Any) -> None:
    await refused_unseen(edge, tokens.token(aud=audience))


async def test_our_audience_among_others_is_ours(edge: Edge) -> None:
    answer = await home(edge, tokens.token(aud=["other", tokens.AUDIENCE]))
    assert answer.status_code == 200


LINES = "a\r\nx-scope: act:any"


@pytest.mark.parametrize(
    "claims",
    [
        *({"sub": sub} for sub in ("007", "0", " 7", "7 ", "7\r\n", LINES, "é", "7" * 20, 7)),
        *({"scope": scope} for scope in ("timeline:read\r\nx: y", "timeline:read\tact:any", LINES)),
        *({name: LINES} for name in ("client_id", "sid")),
        {"sid": "a b"},
        {"client_id": "é"},
    ],
    ids=repr,
)
async def test_a_claim_that_is_no_id_or_no_text_is_401(edge: Edge, claims: dict[str, Any]) -> None:
    await refused_unseen(edge, tokens.token(**claims))


@pytest.mark.parametrize("sub", ["7", str(2**63 - 1), "app_test"])
async def test_an_id_in_its_one_spelling_is_passed_on(edge: Edge, sub: str) -> None:
    # An app reads for a user by this scope alone.
    bearer = f"Bearer {tokens.token(sub=sub, scope='timeline:read act:any')}"
    answer = await edge.client.get(f"{HOME}?user_id=7", headers={"authorization": bearer})
    assert answer.status_code == 200
    assert edge.timelines.metadata["x-user-id"] == sub


async def shown(edge: Edge, credential: str) -> httpx.Response:
    headers = {"authorization": credential}
    return await edge.client.get("/v1/timeline/home", headers=headers)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "bearer "])
async def test_the_scheme_ignores_case(edge: Edge, scheme: str) -> None:
    answer = await shown(edge, f"{scheme} {tokens.token()}")
    assert answer.status_code == 200, answer.text
    assert edge.timelines.metadata["x-user-id"] == str(tokens.USER)
    assert 'error="invalid_token"' in refused(await shown(edge, f"{scheme} {tokens.unsigned()}"))


@pytest.mark.parametrize("scheme", ["xBearer", "xbearer", "Bearerx", "Basic", "Bear"])
async def test_another_scheme_shows_no_token(edge: Edge, scheme: str) -> None:
    assert refused(await shown(edge, f"{scheme} {tokens.token()}")) == 'Bearer realm="aviary"'


async def test_no_credentials_are_no_bad_token(edge: Edge) -> None:
    answer = await edge.client.get("/v1/timeline/home")
    assert refused(answer) == 'Bearer realm="aviary"'
    by_grpc = await edge.client.post(
        "/aviary.timeline.v1.TimelineService/GetHomeTimeline",
        headers={"content-type": "application/grpc"},
    )
    assert (by_grpc.headers["grpc-status"], by_grpc.headers["grpc-message"]) == (
        "16",
        "Jwt is missing",
    )
