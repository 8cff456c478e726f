"""What a subject meets that comes too often: with the real Envoy, limiter and Valkey."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from gateway.limits.budgets import Subject
from gateway.limits.table import CLASSES
from services.platform.ids.snowflake_time import first_id_at
from services.platform.security.step_up import solve
from tests.edge.limited_edge import (
    OWN_APPS,
    QUICK,
    SETTLED_USER,
    UNMOVED,
    LimitedEdge,
    limited_edge,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rate-limits.md"
MANY = 700
"""Budgets larger than this are compared, not used up."""
SOON_S = 4
"""A wait that a test can afford."""
TIMEOUT_S = 30.0

REQUESTS = {
    "home": ("GET", "/v1/timeline/home?user_id=1", None),
    "timeline": ("GET", "/v1/timeline/user?user_id=1", None),
    "lookup": ("GET", "/v1/users/1", None),
    "relations": ("GET", "/v1/users/1/followers", None),
    "health": ("GET", "/healthz", None),
    "post": ("POST", "/v1/tweets", {"user_id": "1", "text": "a"}),
    "delete": ("DELETE", "/v1/tweets/1", None),
    "follow": ("POST", "/v1/follow", {"follower_id": "1", "followee_id": "2"}),
    "visibility": ("POST", "/v1/block", {}),
    "account": ("DELETE", "/v1/users/1", None),
    "sign-up": ("POST", "/v1/users", {"handle": "abc"}),
    "log-in": ("POST", "/oauth/log-in", None),
    "token": ("POST", "/oauth/token", None),
    "issuer": ("GET", "/oauth/jwks", None),
    "challenge": ("POST", "/v1/challenges", {"flow": "post"}),
}
CASES = [(one.name, subject) for one in CLASSES for subject in one.budgets]
_addresses = (f"198.51.{high}.{low}" for high, low in itertools.product(range(256), range(256)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[LimitedEdge]:
    async with limited_edge(rules=UNMOVED, trusted_hops=1) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watchful() -> AsyncIterator[LimitedEdge]:
    """An edge whose gateway minds reputation, and forgets it fast."""
    async with limited_edge(rules=QUICK, trusted_hops=1) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


def documented(endpoint_class: str, subject: str, budget: str = "burst") -> int:
    """Read from the page how many requests are let through at once.

    For a window that the edge keeps by a bucket, the page says what the bucket holds; where the
    service keeps it too, that is the tighter one.
    """
    section = PAGE.read_text().split(f"\n## {endpoint_class}\n")[1].split("\n## ")[0]
    row = rf"^\| {subject} \| {budget} \| \w+ ([\d,]+) per .*\| ([\d,]+) per .*\|$"
    ((allowed, at_the_edge),) = re.findall(row, section, re.MULTILINE)
    return min(int(one.replace(",", "")) for one in (allowed, at_the_edge))


def headers_of(subject: Subject, number: int) -> dict[str, str]:
    """Headers of somebody new, who has no other budget than that of its subject and address."""
    headers = {"x-forwarded-for": next(_addresses)}
    if subject is Subject.USER:
        headers["x-user-id"] = str(int(SETTLED_USER) + number)
    if subject is Subject.APP:
        headers["x-client-id"] = f"app-{number}"
    return headers


async def ask(edge: LimitedEdge, endpoint_class: str, headers: dict[str, str]) -> httpx.Response:
    method, path, body = REQUESTS[endpoint_class]
    return await edge.client.request(method, path, json=body, headers=headers)


def assert_refused(answer: httpx.Response) -> int:
    """Check a refusal in every part; gives the seconds it asks to wait."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["x-rate-limit-remaining"] == "0"
    wait = int(answer.headers["retry-after"])
    assert wait == max(1, int(answer.headers["x-rate-limit-reset"]))
    error = answer.json()
    assert error["code"] == 8
    assert error["message"]
    info, retry = error["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "aviary"
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retry_delay": f"{wait}s",
    }
    assert not any("x-ratelimit" in name or name == "x-limited-by" for name in answer.headers)
    return wait


@pytest.mark.parametrize(("endpoint_class", "subject"), CASES)
async def test_as_many_as_the_page_says(
    edge: LimitedEdge, endpoint_class: str, subject: Subject
) -> None:
    at_once = documented(endpoint_class, subject)
    headers = headers_of(subject, CASES.index((endpoint_class, subject)))
    first = await ask(edge, endpoint_class, headers)
    assert first.status_code != 429
    tightest = min(
        documented(endpoint_class, one)
        for one in {subject, Subject.IP}
        if (endpoint_class, one) in CASES
    )
    assert first.headers["x-rate-limit-limit"] == str(tightest)
    assert first.headers["x-rate-limit-remaining"] == str(tightest - 1)
    if at_once > min(MANY, tightest):
        return
    left = at_once - 1
    while left:
        answer = await ask(edge, endpoint_class, headers)
        if answer.status_code == 429:
            break
        left -= 1
    # While these were sent, the bucket has filled a little: never are fewer let through.
    assert left == 0
    answer = await ask(edge, endpoint_class, headers)
    for _ in range(at_once):
        if answer.status_code == 429:
            break
        answer = await ask(edge, endpoint_class, headers)
    wait = assert_refused(answer)
    assert answer.json()["details"][0]["metadata"] == {"budget": "burst"}
    if wait <= SOON_S:
        await asyncio.sleep(wait)  # what the answer said: this is the thing under test
        assert (await ask(edge, endpoint_class, headers)).status_code != 429


async def test_reads_and_writes_have_budgets_of_their_own(edge: LimitedEdge) -> None:
    headers = headers_of(Subject.USER, 1_000)
    while (await ask(edge, "post", headers)).status_code != 429:
        pass
    assert (await ask(edge, "home", headers)).status_code == 200


async def test_a_flood_from_one_address_leaves_others_alone(edge: LimitedEdge) -> None:
    flooding, other = headers_of(Subject.IP, 0), headers_of(Subject.IP, 0)
    limit = documented("relations", "ip")
    statuses = await asyncio.gather(*(ask(edge, "relations", flooding) for _ in range(2 * limit)))
    refused = sum(one.status_code == 429 for one in statuses)
    assert 0 < refused <= limit
    assert (await ask(edge, "relations", other)).status_code != 429


async def test_an_app_is_limited_whatever_the_addresses(edge: LimitedEdge) -> None:
    app = {"x-client-id": "flooding"}
    limit, allowed = documented("sign-up", "app"), 0
    while True:
        answers = await asyncio.gather(
            *(
                ask(edge, "sign-up", {**app, "x-forwarded-for": next(_addresses)})
                for _ in range(20)  # as many at once as the limiter can decide on in its time
            )
        )
        allowed += sum(one.status_code == 200 for one in answers)
        if refused := [one for one in answers if one.status_code == 429]:
            break
        assert allowed < 2 * limit
    assert allowed >= limit
    assert_refused(refused[0])


async def test_an_ipv6_customer_is_one_subject(edge: LimitedEdge) -> None:
    answers = [
        await ask(edge, "sign-up", {"x-forwarded-for": f"2001:db8:0:1::{number:x}"})
        for number in range(1, documented("sign-up", "ip") + 2)
    ]
    assert answers[-2].status_code != 429
    assert_refused(answers[-1])
    neighbour = await ask(edge, "sign-up", {"x-forwarded-for": "2001:db8:0:2::1"})
    assert neighbour.status_code != 429


async def test_a_new_account_gets_less(edge: LimitedEdge) -> None:
    yesterday = first_id_at(int((time.time() - 86_400) * 1_000))
    headers = {**headers_of(Subject.USER, 0), "x-user-id": str(yesterday)}
    home = await ask(edge, "home", headers)
    assert home.headers["x-rate-limit-limit"] == str(documented("home", "user") // 2)
    post = await ask(edge, "post", headers)
    assert post.headers["x-rate-limit-limit"] == str(documented("post", "user") // 4)


@pytest.mark.parametrize("scope", ["act:any", "tweets:write act:any", "act:any timeline:read"])
async def test_internal_jobs_are_not_counted(edge: LimitedEdge, scope: str) -> None:
    headers = {**headers_of(Subject.USER, 2_000), "x-scope": scope}
    for _ in range(documented("post", "user") + 5):
        assert (await ask(edge, "post", headers)).status_code == 200


@pytest.mark.parametrize("scope", ["act:anything", "xact:any", "act:any,"])
async def test_what_only_looks_like_their_scope_is_counted(edge: LimitedEdge, scope: str) -> None:
    headers = {**headers_of(Subject.USER, 3_000), "x-scope": scope}
    answer = await ask(edge, "home", headers)
    assert answer.headers["x-rate-limit-limit"] == str(documented("home", "user"))


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
        assert answer.json()["tweet"]["text"] == "a"
    async with asyncio.timeout(TIMEOUT_S):
        user_id = headers["x-user-id"]
        while user_id not in str(await watchful.store.listed(Subject.USER)):  # noqa: ASYNC110 - Valkey notifies nobody
            await asyncio.sleep(0.05)


async def test_own_apps_have_no_budget_as_apps() -> None:
    async with limited_edge(rules=UNMOVED, first_party_clients=OWN_APPS, trusted_hops=1) as edge:
        seen = {}
        for client in (*OWN_APPS, "other"):
            headers = {**headers_of(Subject.IP, 0), "x-client-id": client}
            await edge.valkey.flushall()
            await ask(edge, "sign-up", headers)
            found = edge.valkey.scan_iter(f"limit:{{app:{client}}}:*")
            seen[client] = [key async for key in found]
        assert seen == {"ios": [], "android": [], "other": [b"limit:{app:other}:sign-up"]}


async def test_an_unknown_flow_has_no_challenge(edge: LimitedEdge) -> None:
    answer = await edge.client.post("/v1/challenges", json={"flow": "reading"})
    assert answer.status_code == 400
    assert "post" in answer.json()["message"]
