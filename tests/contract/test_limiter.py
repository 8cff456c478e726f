"""The shared limits on a real Valkey, one node and a cluster, by a clock that the test moves."""

import asyncio
import random

import pytest

from gateway.control_plane.keys import accounts_key, listed_key, posts_key, reputation_key
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.limits.budgets import (
    Budgets,
    EndpointClass,
    Reputation,
    SlidingWindow,
    Subject,
    TokenBucket,
    WithoutValkey,
)
from gateway.limits.table import by_name
from services.platform.ids.snowflake_time import first_id_at
from services.platform.rpc.content_digest import content_digest
from services.platform.valkey.connection import ValkeyClient
from tests.contract.moved_clocks import MovedClock, clock
from tests.contract.valkey_clients import client, server

__all__ = ["client", "clock", "server"]

RULES = ReputationRules(half_life_s=10)
OLD = "12345"
POST = by_name()["post"]
VISIBILITY = by_name()["visibility"]


@pytest.fixture
def limiter(client: ValkeyClient, clock: MovedClock) -> Limiter:
    return Limiter(client, clock, RULES)


@pytest.fixture
def store(client: ValkeyClient, clock: MovedClock) -> ReputationStore:
    return ReputationStore(client, clock, RULES)


async def test_a_burst_is_let_through_and_no_more(limiter: Limiter, clock: MovedClock) -> None:
    subjects = {Subject.USER: OLD}
    for left in reversed(range(20)):
        decision = await limiter.decide(POST, subjects)
        assert (decision.allowed, decision.limit, decision.remaining) == (True, 20, left)
    assert decision.reset_s == 3  # a third of a minute's twenty
    refused = await limiter.decide(POST, subjects)
    assert (refused.allowed, refused.budget, refused.reset_s) == (False, "burst", 3)
    clock.ms += 2_999
    assert not (await limiter.decide(POST, subjects)).allowed
    clock.ms += 1
    assert (await limiter.decide(POST, subjects)).allowed


async def test_the_sustained_budget_bounds_what_bursts_add_up_to(
    limiter: Limiter, clock: MovedClock
) -> None:
    subjects, passed = {Subject.USER: OLD}, 0
    for _ in range(25):
        for _ in range(20):
            decision = await limiter.decide(POST, subjects)
            passed += decision.allowed
        clock.ms += 60_000
    assert (decision.allowed, decision.budget) == (False, "sustained")
    # 300 at once, and 25 minutes of the 3 hours in which they come back.
    assert 300 <= passed <= 300 + 300 * 25 // 180


async def test_concurrent_requests_get_what_there_is(limiter: Limiter) -> None:
    decisions = await asyncio.gather(
        *(limiter.decide(POST, {Subject.USER: OLD}) for _ in range(50))
    )
    assert sum(one.allowed for one in decisions) == 20


async def test_a_window_holds_for_every_span(limiter: Limiter, clock: MovedClock) -> None:
    rng, passed = random.Random(7), []  # noqa: S311 - a test's own, the same each time
    for _ in range(600):
        clock.ms += rng.choice([0, 0, 0, 10, 300, 2_000])
        decision = await limiter.decide(VISIBILITY, {Subject.USER: OLD})
        if decision.allowed:
            passed.append(clock.ms)
    assert len(passed) < 600
    for start in passed:
        assert sum(start <= one < start + 60_000 for one in passed) <= 60


async def test_a_window_says_when_to_come_back(limiter: Limiter, clock: MovedClock) -> None:
    for _ in range(60):
        assert (await limiter.decide(VISIBILITY, {Subject.USER: OLD})).allowed
    refused = await limiter.decide(VISIBILITY, {Subject.USER: OLD})
    assert not refused.allowed
    assert 60 <= refused.reset_s <= 61  # the window's parts are a sixtieth of it
    clock.ms += refused.reset_s * 1_000
    assert (await limiter.decide(VISIBILITY, {Subject.USER: OLD})).allowed


@pytest.mark.parametrize("back_ms", [5_000, 3_600_000, 86_400_000])
async def test_a_bucket_fills_again_though_the_clock_went_back(
    limiter: Limiter, clock: MovedClock, back_ms: int
) -> None:
    subjects = {Subject.USER: OLD}
    for _ in range(20):
        assert (await limiter.decide(POST, subjects)).allowed
    clock.ms -= back_ms
    refused = await limiter.decide(POST, subjects)
    assert (refused.allowed, refused.reset_s) == (False, 3)
    clock.ms += 3_000
    assert (await limiter.decide(POST, subjects)).allowed


async def test_replicas_whose_clocks_differ_give_nothing_away(
    limiter: Limiter, clock: MovedClock
) -> None:
    subjects, allowed = {Subject.USER: OLD}, 0
    for _ in range(200):
        clock.ms += 100
        allowed += (await limiter.decide(POST, subjects)).allowed
        clock.ms -= 100
        allowed += (await limiter.decide(POST, subjects)).allowed
    assert allowed == 20


@pytest.mark.parametrize("back_ms", [5_000, 3_600_000, 86_400_000])
async def test_a_window_moves_on_though_the_clock_went_back(
    limiter: Limiter, clock: MovedClock, back_ms: int
) -> None:
    for _ in range(60):
        assert (await limiter.decide(VISIBILITY, {Subject.USER: OLD})).allowed
    clock.ms -= back_ms
    refused = await limiter.decide(VISIBILITY, {Subject.USER: OLD})
    assert not refused.allowed
    assert 60 <= refused.reset_s <= 61
    clock.ms += refused.reset_s * 1_000
    assert (await limiter.decide(VISIBILITY, {Subject.USER: OLD})).allowed


async def test_a_score_dated_ahead_by_a_wrong_clock_is_forgiven(
    limiter: Limiter, store: ReputationStore, clock: MovedClock
) -> None:
    await store.raise_scores({f"user:{OLD}": RULES.hostile})
    clock.ms -= 3_600_000
    assert await store.listed(Subject.USER) == {}
    assert (await limiter.decide(POST, {Subject.USER: OLD})).reputation is Reputation.GOOD
    clock.ms += 3_600_000
    await store.raise_scores({"user:1": RULES.hostile})
    clock.ms -= 3_600_000
    await store.raise_scores({"user:1": 1.5})
    assert await store.listed(Subject.USER) == {}


async def test_a_new_account_gets_a_quarter(limiter: Limiter, clock: MovedClock) -> None:
    new = str(first_id_at(clock.ms - 86_400_000))
    assert (await limiter.decide(POST, {Subject.USER: new})).limit == 5
    clock.ms += 7 * 86_400_000
    assert (await limiter.decide(POST, {Subject.USER: new})).limit == 20


async def test_the_tightest_subject_decides(limiter: Limiter) -> None:
    tight = EndpointClass(
        "tight",
        (),
        {
            Subject.USER: Budgets(TokenBucket(9, 60), TokenBucket(90, 600), "-"),
            Subject.IP: Budgets(SlidingWindow(2, 60), TokenBucket(90, 600), "-"),
        },
        WithoutValkey.OPEN,
        1,
    )
    subjects = {Subject.USER: OLD, Subject.IP: "192.0.2.1/32"}
    answers = [await limiter.decide(tight, subjects) for _ in range(3)]
    assert [one.allowed for one in answers] == [True, True, False]
    assert answers[-1].limit == 2


async def test_bad_reputation_costs_and_is_forgiven(
    limiter: Limiter, store: ReputationStore, clock: MovedClock
) -> None:
    subjects = {Subject.USER: OLD}
    await store.raise_scores({f"user:{OLD}": RULES.suspect + 1})
    assert (await limiter.decide(POST, subjects)).limit == 5
    assert (await limiter.decide(POST, subjects, proven=True)).limit == 20
    await store.raise_scores({f"user:{OLD}": RULES.hostile})
    decision = await limiter.decide(POST, subjects)
    assert (decision.limit, decision.reputation) == (1, Reputation.HOSTILE)
    clock.ms += 10_000
    assert (await limiter.decide(POST, subjects)).reputation is Reputation.SUSPECT
    clock.ms += 20_000
    assert (await limiter.decide(POST, subjects)).reputation is Reputation.GOOD


async def test_scores_add_up_and_halve(store: ReputationStore, clock: MovedClock) -> None:
    await store.raise_scores({"user:1": 20.0})
    assert await store.listed(Subject.USER) == {}
    await store.raise_scores({"user:1": 10.5})
    listed = await store.listed(Subject.USER)
    assert RULES.reputation(listed["1"], clock.ms) is Reputation.SUSPECT
    clock.ms += 10_000
    assert await store.listed(Subject.USER) == {}
    await store.raise_scores({"user:1": 15.0})
    assert list(await store.listed(Subject.USER)) == ["1"]


async def test_damaged_scores_are_forgiven(
    store: ReputationStore, limiter: Limiter, client: ValkeyClient
) -> None:
    for damaged in (b"", b"\xff"):
        await client.set(reputation_key(f"user:{OLD}"), damaged)
        assert (await limiter.decide(POST, {Subject.USER: OLD})).reputation is Reputation.GOOD
        await client.set(reputation_key(f"user:{OLD}"), damaged)
        await client.set(listed_key(Subject.USER), damaged)
        assert await store.listed(Subject.USER) == {}
        await store.raise_scores({f"user:{OLD}": 31.0})
        assert list(await store.listed(Subject.USER)) == [OLD]


async def test_a_score_has_a_ceiling(store: ReputationStore, clock: MovedClock) -> None:
    for _ in range(3):
        await store.raise_scores({"ip:192.0.2.1/32": 1e6})
    clock.ms += RULES.most_ms - RULES.suspect_ms + 1_000
    assert await store.listed(Subject.IP) == {}


async def test_posts_and_accounts_are_counted(store: ReputationStore) -> None:
    digests = [content_digest(text) for text in ("a", " A ", "b", "a")]
    posts = [("user:1", digest) for digest in digests]
    assert await store.repeats([*posts, ("user:2", digests[0])]) == [0, 1, 0, 2, 0]
    assert await store.repeats(posts[:1]) == [3]
    counted = await store.accounts([("ip:x", user) for user in ("1", "2", "2")])
    assert counted == [(1, True), (2, True), (2, False)]
    assert await store.accounts([("ip:y", "1"), ("ip:x", "1")]) == [(1, True), (2, False)]
    assert (await store.repeats([]), await store.accounts([])) == ([], [])


async def test_what_posts_and_accounts_leave_behind_ends(
    store: ReputationStore, client: ValkeyClient, clock: MovedClock
) -> None:
    await store.repeats([("user:1", "digest")])
    await store.accounts([("ip:x", "1"), ("ip:x", "2")])
    assert 0 < await client.ttl(posts_key("user:1", "digest")) <= 3_600
    assert 0 < await client.ttl(accounts_key("ip:x", clock.ms // 3_600_000)) <= 7_200
