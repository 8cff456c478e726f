"""What a subject meets that comes too often: with the real Envoy, limiter and Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.limits.budgets import Subject
from gateway.limits.table import CLASSES
from services.platform.ids.snowflake_time import first_id_at
from tests.edge.conftest import ORIGIN
from tests.edge.limited_edge import (
    OWN_APPS,
    UNMOVED,
    LimitedEdge,
    limited_edge,
)
from tests.edge.limited_requests import (
    ADDRESSES,
    ask,
    assert_refused,
    documented,
    headers_of,
)

MANY = 200
"""Larger budgets are compared, not used up: they fill faster than a busy machine asks."""
SOON_S = 4
"""A wait that a test can afford."""

ASKED_AT_ONCE = 20

CASES = [(one.name, subject) for one in CLASSES for subject in one.budgets]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[LimitedEdge]:
    async with limited_edge(rules=UNMOVED, trusted_hops=1) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(("endpoint_class", "subject"), CASES)
async def test_as_many_requests_pass_as_the_page_says(
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
    # On a busy machine the bucket is full again by the time that it is counted.
    assert tightest - 1 <= int(first.headers["x-rate-limit-remaining"]) <= tightest
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
        # Some at once: on a busy machine one by one may be no faster than the bucket fills.
        some = await asyncio.gather(
            *[ask(edge, endpoint_class, headers) for _ in range(ASKED_AT_ONCE)]
        )
        answer = max(some, key=lambda each: each.status_code == 429)
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


@pytest.mark.parametrize("origin", [None, "", ORIGIN])
async def test_asking_beforehand_costs_nobody_a_post(edge: LimitedEdge, origin: str | None) -> None:
    headers = headers_of(Subject.IP, 0)
    asked = {"access-control-request-method": "POST"} | (
        {} if origin is None else {"origin": origin}
    )
    for path in ("/v1/tweets", "/v1/tweets?"):
        await edge.client.options(path, headers=headers | asked)
    posted = await ask(edge, "post", headers)
    assert posted.headers["x-rate-limit-remaining"] == str(documented("post", "ip") - 1)


async def test_a_flood_from_one_address_leaves_others_alone(edge: LimitedEdge) -> None:
    flooding, other = headers_of(Subject.IP, 0), headers_of(Subject.IP, 0)
    # Of a budget that is given back slower than any machine asks.
    limit = documented("challenge", "ip")
    statuses = await asyncio.gather(*(ask(edge, "challenge", flooding) for _ in range(2 * limit)))
    refused = sum(one.status_code == 429 for one in statuses)
    assert 0 < refused <= limit
    assert (await ask(edge, "challenge", other)).status_code != 429


async def test_an_app_is_limited_whatever_the_addresses(edge: LimitedEdge) -> None:
    app = {"x-client-id": "flooding"}
    limit, allowed = documented("sign-up", "app"), 0
    while True:
        answers = await asyncio.gather(
            *(
                ask(edge, "sign-up", {**app, "x-forwarded-for": next(ADDRESSES)})
                for _ in range(20)  # as many at once as the limiter can decide on in its time
            )
        )
        allowed += sum(one.status_code == 200 for one in answers)
        if refused := [one for one in answers if one.status_code == 429]:
            break
        assert allowed < 2 * limit
    assert allowed >= limit
    assert_refused(refused[0])


@pytest.mark.parametrize("path", ["/oauth/nothing", "/oauth/", "/oauth/jwks/", "/oauth/a/b"])
async def test_a_path_that_the_issuer_does_not_know_counts_too(
    edge: LimitedEdge, path: str
) -> None:
    allowed = documented("issuer", "ip")
    answer = await edge.client.get(path, headers={"x-forwarded-for": next(ADDRESSES)})
    assert answer.headers["x-rate-limit-limit"] == str(allowed)
    assert answer.headers["x-rate-limit-remaining"] == str(allowed - 1)


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
        assert (await ask(edge, "post", headers)).status_code == 201


@pytest.mark.parametrize("scope", ["act:anything", "xact:any", "act:any,"])
async def test_what_only_looks_like_their_scope_is_counted(edge: LimitedEdge, scope: str) -> None:
    headers = {**headers_of(Subject.USER, 3_000), "x-scope": scope}
    answer = await ask(edge, "home", headers)
    assert answer.headers["x-rate-limit-limit"] == str(documented("home", "user"))


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
