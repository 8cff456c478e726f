"""What an attacker would try at the edge, with a real Envoy, and what a client may."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest
import pytest_asyncio
from aviary.timeline.v1 import timeline_service_pb2_grpc
from aviary.timeline.v1.timeline_service_pb2 import GetHomeTimelineRequest

from services.platform.tokens.issuers import Issuer
from tests.edge import tokens
from tests.edge.conftest import Edge, running_edge

FAR_S = 100  # beyond any clock skew that is allowed for
HOME = "/v1/timeline/home"
pytestmark = pytest.mark.asyncio(loop_scope="module")


def issuer(folder: Path, **changes: object) -> Issuer:
    known = {
        "name": "test",
        "issuer": tokens.ISSUER,
        "audiences": (tokens.AUDIENCE,),
        "user_claim": "sub",
        "jwks_file": tokens.write_jwks(folder),
        "may_act_for_anybody": True,
    }
    return Issuer(**{**known, **changes})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded_edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    issuers = (issuer(tmp_path_factory.mktemp("issuer")),)
    async with running_edge(tokens.token(), issuers=issuers) as running:
        yield running


@pytest.fixture
def edge(guarded_edge: Edge) -> Edge:
    """The file's edge, whose services have seen nothing yet."""
    guarded_edge.timelines.metadata = {}
    return guarded_edge


async def home(edge: Edge, token: str | None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return await edge.client.get(HOME, headers=headers)


def refused(answer: httpx.Response, status: int = 401, code: int = 16) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"code", "message", "details"}
    assert (body["code"], bool(body["message"])) == (code, True)
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    return challenge


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_end_user_is_named_to_the_service_and_the_token_stays_here(
    edge: Edge, alg: str
) -> None:
    answer = await home(edge, tokens.token(alg))
    assert answer.status_code == 200, answer.text
    seen = edge.timelines.metadata
    assert seen["x-user-id"] == str(tokens.USER)
    assert seen["x-client-id"] == "app_test"
    assert seen["x-scope"] == "tweets:read tweets:write timeline:read"
    assert "authorization" not in seen


def past() -> int:
    return int(time.time()) - FAR_S


FORGED = {
    "alg none": tokens.unsigned,
    "HMAC with the public key": tokens.signed_with_public_key,
    "HMAC with the public key, no such kid": lambda: tokens.signed_with_public_key(None),
    "expired": lambda: tokens.token(exp=past()),
    "without an end": lambda: tokens.token(exp=None),
    "not valid yet": lambda: tokens.token(nbf=int(time.time()) + FAR_S),
    "for another audience": lambda: tokens.token(aud="somebody-else"),
    "for no audience": lambda: tokens.token(aud=None),
    "of another issuer": lambda: tokens.token(iss="https://evil.test"),
    "of no issuer": lambda: tokens.token(iss=None),
    "with an unknown kid": lambda: tokens.token(kid="gone"),
    "with another key's kid": lambda: tokens.token("RS256", kid="ec"),
    "tampered": lambda: tokens.tampered(tokens.token(), sub="1"),
    "cut": lambda: tokens.token()[:-8],
    "no token at all": lambda: "hello",
}


@pytest.mark.parametrize("how", FORGED)
async def test_forged_token_is_401(edge: Edge, how: str) -> None:
    assert (await home(edge, tokens.token())).status_code == 200
    edge.timelines.metadata = {}
    assert 'error="invalid_token"' in refused(await home(edge, FORGED[how]()))
    assert edge.timelines.metadata == {}


async def test_no_token_is_401_without_an_error(edge: Edge) -> None:
    assert "error=" not in refused(await home(edge, None))
    basic = await home(edge, None, authorization="Basic dTpw")
    assert "error=" not in refused(basic)
    # A token in the query would be in every log on the way.
    query = await edge.client.get(HOME, params={"access_token": tokens.token()})
    assert query.status_code in {400, 401}


async def test_lack_of_a_scope_is_403(edge: Edge) -> None:
    weak = tokens.token(scope="tweets:read timeline:reads xtimeline:read")
    assert 'error="insufficient_scope"' in refused(await home(edge, weak), 403, 7)
    refused(await home(edge, tokens.token(scope=None)), 403, 7)
    assert edge.timelines.metadata.get("x-user-id") is None


@pytest.mark.parametrize(
    "line",
    [
        "x-user-id: 7",
        "X-USER-ID: 7",
        "x-user-id: 7\r\nx-user-id: 8",
        "x-scope: act:any",
        "X-Scope: act:any",
        "x-client-id: app_other",
        "x-user-id : 7",
        "x_user_id: 7",
        "x-user_id: 7",
        "connection: x-user-id",
    ],
)
async def test_smuggled_header_changes_nothing(edge: Edge, line: str) -> None:
    url = edge.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [
        f"GET {HOME} HTTP/1.1",
        "host: edge",
        line,
        f"authorization: Bearer {tokens.token()}",
        line,
        *([] if "connection" in line else ["connection: close"]),
    ]
    edge.timelines.metadata = {}
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = (await asyncio.wait_for(reader.readline(), 10)).split()[1]
    writer.close()
    seen = edge.timelines.metadata
    assert status in {b"200", b"400"}
    if status == b"200":
        assert (seen["x-user-id"], seen["x-client-id"]) == (str(tokens.USER), "app_test")
        assert "act:any" not in seen["x-scope"]
    else:
        assert seen == {}


@pytest.mark.parametrize("first", ["Bearer nonsense", "Basic dTpw", "Bearer {}", "x"])
async def test_two_credentials_are_none(edge: Edge, first: str) -> None:
    good = tokens.token()
    shown = [first.format(good), f"Bearer {good}"]
    edge.timelines.metadata = {}
    for values in (shown, shown[::-1], [", ".join(shown)], [" ".join(shown)], shown * 2):
        headers = [("authorization", value) for value in values]
        answer = await edge.client.get(HOME, headers=headers)
        assert (answer.status_code, answer.json().get("code")) == (400, 3), (values, answer.text)
    assert edge.timelines.metadata == {}
    assert (await home(edge, good)).status_code == 200


async def test_public_reads_are_closed_unless_opened(edge: Edge, tmp_path: Path) -> None:
    refused(await edge.client.get("/v1/tweets/1"))
    opened = running_edge(tokens.token(), issuers=(issuer(tmp_path),), public_reads=True)
    async with opened as public:
        assert (await public.client.get("/v1/tweets/1")).json()["message"] == "no such tweet"
        # What is no public read stays closed, and a bad token is bad everywhere.
        refused(await home(public, None))
        bad = {"authorization": f"Bearer {tokens.unsigned()}"}
        refused(await public.client.get("/v1/tweets/1", headers=bad))


async def test_without_issuers_only_readiness_is_open() -> None:
    async with running_edge(tokens.token(), opened=403, issuers=()) as edge:
        answer = await home(edge, tokens.token())
        assert (answer.status_code, answer.json()["code"]) == (403, 7)
        assert (await edge.client.get("/healthz")).status_code == 200


async def test_other_issuer_names_users_and_makes_no_superusers(tmp_path: Path) -> None:
    other = issuer(tmp_path, may_act_for_anybody=False, user_claim="aviary_id")
    good = tokens.token(aviary_id="5")
    async with running_edge(good, issuers=(other,)) as edge:
        assert (await home(edge, good)).status_code == 200
        assert edge.timelines.metadata["x-user-id"] == "5"
        super_user = tokens.token(scope="timeline:read act:any", aviary_id="5")
        refused(await home(edge, super_user), 403, 7)


async def test_keys_that_cannot_be_had_are_503(tmp_path: Path) -> None:
    remote = issuer(tmp_path, name="remote", jwks_file=None, jwks_uri="http://127.0.0.1:9/jwks")
    local = issuer(tmp_path, issuer="https://other.test")
    ready = tokens.token(iss="https://other.test")
    async with running_edge(ready, issuers=(local, remote)) as edge:
        answer = await home(edge, tokens.token())
        assert (answer.status_code, answer.json()["code"]) == (503, 14), answer.text


BACK_WITHIN_S = 20.0


async def over_grpc(edge: Edge, token: str | None) -> grpc.StatusCode:
    url = edge.client.base_url
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]
    metadata += [("x-user-id", "7"), ("x-scope", "act:any")]
    async with grpc.aio.insecure_channel(f"{url.host}:{url.port}") as channel:
        stub = timeline_service_pb2_grpc.TimelineServiceStub(channel)
        try:
            await stub.GetHomeTimeline(GetHomeTimelineRequest(), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_grpc_clients_meet_the_same_rules(edge: Edge) -> None:
    edge.timelines.metadata = {}
    assert await over_grpc(edge, None) is grpc.StatusCode.UNAUTHENTICATED
    assert await over_grpc(edge, tokens.unsigned()) is grpc.StatusCode.UNAUTHENTICATED
    other = tokens.token(aud="somebody-else")
    assert await over_grpc(edge, other) is grpc.StatusCode.UNAUTHENTICATED
    weak = tokens.token(scope="tweets:read")
    assert await over_grpc(edge, weak) is grpc.StatusCode.PERMISSION_DENIED
    assert edge.timelines.metadata == {}
    # For the edge, a service that a busy machine has halted for seconds is down for as long.
    deadline = time.monotonic() + BACK_WITHIN_S
    while (code := await over_grpc(edge, tokens.token())) is grpc.StatusCode.UNAVAILABLE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert code is grpc.StatusCode.OK
    seen = edge.timelines.metadata
    assert (seen["x-user-id"], "act:any" in seen["x-scope"]) == (str(tokens.USER), False)
    assert "authorization" not in seen
