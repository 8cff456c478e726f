"""What a subject of bad reputation meets, and how it earns a better one: on the real Envoy."""

import asyncio
import struct
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from google.protobuf.message import Message

from gateway.control_plane.keys import reputation_key
from gateway.limits.budgets import Budgets, Subject, TokenBucket
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY
from services.platform.security.step_up import solve
from tests.edge.limited_edge import (
    QUICK,
    UNMOVED,
    LimitedEdge,
    limited_edge,
)
from tests.edge.limited_requests import TIMEOUT_S, ask, assert_refused, documented, headers_of

SERVICE = "/aviary.tweet.v1.TweetService/"
FEW = 20


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
    assert stolen.is_success  # the thief has a budget of its own, and spends no proof
    proven = await ask(watchful, flow, {**headers, **proof})
    assert proven.is_success, proven.text
    again = await ask(watchful, flow, {**headers, **proof})
    assert_refused(again)


def framed(message: Message) -> bytes:
    encoded = message.SerializeToString()
    return struct.pack(">BI", 0, len(encoded)) + encoded


async def by_grpc(
    watchful: LimitedEdge, method: str, message: Message, headers: dict[str, str]
) -> grpc.StatusCode:
    url = watchful.client.base_url
    async with grpc.aio.insecure_channel(f"{url.host}:{url.port}") as channel:
        call = channel.unary_unary(
            SERVICE + method, request_serializer=type(message).SerializeToString
        )(message, metadata=tuple(headers.items()))
        code = await call.code()
        assert CONTENT_DIGEST_KEY not in dict(await call.initial_metadata())
        return code


async def by_grpc_web(
    watchful: LimitedEdge, method: str, message: Message, headers: dict[str, str]
) -> str:
    kind = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    answer = await watchful.client.post(
        SERVICE + method, content=framed(message), headers={**headers, **kind}
    )
    assert CONTENT_DIGEST_KEY not in answer.headers
    return answer.headers.get("grpc-status", "")


async def by_rest(
    watchful: LimitedEdge, content_type: str, headers: dict[str, str], case: str
) -> None:
    answer = await watchful.client.post(
        "/v1/tweets",
        content=f'{{"user_id": "1", "text": " {case}UY this"}}',
        headers={**headers, "content-type": content_type},
    )
    assert answer.status_code in {201, 429}, answer.text
    assert CONTENT_DIGEST_KEY not in answer.headers


async def until_listed(watchful: LimitedEdge, subject: Subject, name: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while name not in await watchful.store.listed(subject):  # noqa: ASYNC110 - Valkey notifies nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "way", ["application/json", "application/json; charset=utf-8", "grpc", "grpc-web"]
)
async def test_the_same_text_again_and_again_is_noticed(watchful: LimitedEdge, way: str) -> None:
    headers = headers_of(Subject.USER, 6_000 + len(way))
    for number in range(documented("post", "user")):
        case = "bB"[number % 2]
        message = tweet_pb.CreateTweetRequest(user_id=1, text=f" {case}UY this")
        if way == "grpc":
            await by_grpc(watchful, "CreateTweet", message, headers)
        elif way == "grpc-web":
            await by_grpc_web(watchful, "CreateTweet", message, headers)
        else:
            await by_rest(watchful, way, headers, case)
    await until_listed(watchful, Subject.USER, headers["x-user-id"])


@pytest.mark.parametrize("way", ["grpc", "grpc-web"])
async def test_walking_ids_by_grpc_is_noticed(watchful: LimitedEdge, way: str) -> None:
    headers = headers_of(Subject.IP, 0)
    message = tweet_pb.GetTweetRequest(tweet_id=1)
    call = by_grpc if way == "grpc" else by_grpc_web
    # As many as the services behind an edge on a busy machine answer in time.
    few = asyncio.Semaphore(FEW)

    async def called() -> object:
        async with few:
            return await call(watchful, "GetTweet", message, headers)

    answers = await asyncio.gather(*(called() for _ in range(200)))
    assert set(answers) <= {grpc.StatusCode.NOT_FOUND, "5"}
    await until_listed(watchful, Subject.IP, f"{headers['x-forwarded-for']}/32")


async def test_what_safelisted_callers_do_is_held_against_nobody(watchful: LimitedEdge) -> None:
    operator, somebody = headers_of(Subject.IP, 0), headers_of(Subject.IP, 0)
    await asyncio.gather(
        *(ask(watchful, "post", {**operator, "x-scope": "openid act:any"}) for _ in range(200)),
        misbehave(watchful, {**operator, "x-scope": "act:any"}),
    )
    # Reported after the operator's, if that were reported.
    await misbehave(watchful, somebody)
    await until_listed(watchful, Subject.IP, f"{somebody['x-forwarded-for']}/32")
    assert await watchful.valkey.get(reputation_key(_address_key(operator))) is None


def _address_key(headers: dict[str, str]) -> str:
    return f"ip:{headers['x-forwarded-for']}/32"


async def test_going_on_beyond_a_budget_is_noticed(watchful: LimitedEdge) -> None:
    headers = headers_of(Subject.USER, 7_000)
    await asyncio.gather(*(ask(watchful, "home", headers) for _ in range(400)))
    await until_listed(watchful, Subject.USER, headers["x-user-id"])


async def test_a_flood_is_refused_and_held_against_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Budgets(TokenBucket(20, 3_600), TokenBucket(20, 3_600), "")
    monkeypatch.setattr("gateway.envoy.limits.ANY_REQUEST", few)
    flooding, somebody = headers_of(Subject.IP, 0), headers_of(Subject.IP, 0)
    async with limited_edge(rules=UNMOVED, trusted_hops=1) as edge:
        answers = await asyncio.gather(*(ask(edge, "home", flooding) for _ in range(400)))
        assert sum(one.status_code == 429 for one in answers) == 380
        assert "x-limited-by" not in answers[-1].headers
        # Reported after the others, if those were.
        await asyncio.gather(*(edge.client.get("/v1/users/x", headers=somebody) for _ in range(15)))
        async with asyncio.timeout(TIMEOUT_S):
            while not await edge.valkey.get(reputation_key(_address_key(somebody))):  # noqa: ASYNC110 - Valkey notifies nobody
                await asyncio.sleep(0.05)
        assert await edge.valkey.get(reputation_key(_address_key(flooding))) is None


async def test_an_unknown_flow_has_no_challenge(watchful: LimitedEdge) -> None:
    answer = await watchful.client.post("/v1/challenges", json={"flow": "reading"})
    assert answer.status_code == 400
    assert "post" in answer.json()["message"]
