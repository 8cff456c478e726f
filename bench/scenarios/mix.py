"""DeathStarBench's mix: 60% home, 30% user timeline, 10% compose; pages of 10.

Gan et al., "An open-source benchmark suite for microservices and their hardware-software
implications for cloud & edge systems", ASPLOS 2019; the shares are of its wrk2 script.
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import Measured, Subject, take_turns
from bench.reference import limit
from bench.reference.limit import Limit
from bench.results import Better, Figure, Result, Row
from bench.rpcs import HOME_RPC, POST_RPC, USER_RPC
from bench.subjects import Change, Requests, aviary, bare
from bench.traffic import get, home_pages, post, post_answers, user_pages

__all__ = ["NAME", "TITLE", "alone", "answers", "both", "run"]

NAME = "mix"
TITLE = "60% home, 30% user timeline, 10% post; pages of 10"
SHARES = (0.6, 0.3, 0.1)
KINDS = ("home", "user timeline", "post")
HOME, USER, POST = range(3)
DRAWN = 5_000
PAGE = 10


def run(bench: Bench) -> Result:
    """Ask for the mix, until all posts of it are delivered."""
    with limit.running(bench.folder / NAME, answers(bench)) as reference:
        ours, theirs = take_turns(both(bench, reference), rounds=bench.options.rounds)
    rows = [Row.of(ours, kind, f"Aviary, {name}") for kind, name in enumerate(KINDS)]
    return Result(
        NAME,
        TITLE,
        [
            Figure("rate against the limit", against(ours, theirs)),
            Figure("requests", ours.settled_rate, "/s"),
            *(
                Figure(f"p99 of {row.name}", row.latency_ms["p99"], "ms", Better.LOWER)
                for row in rows
            ),
        ],
        [Row.of(ours), *rows, Row.of(theirs)],
        ["Latencies are of a closed loop: whoever waits asks nothing meanwhile."],
    )


def against(ours: Measured, theirs: Measured) -> float:
    """Give the share of the limit's rate, deliveries included."""
    return ours.settled_rate / theirs.rate


def answers(bench: Bench) -> dict[str, Sequence[bytes]]:
    """Give what the limit answers with."""
    # Of as many users as of viewers, from all over the graph.
    some = bench.world.users[:: max(1, len(bench.world.users) // len(bench.viewers))]
    return {
        HOME_RPC: home_pages(bench.aviary, bench.viewers, PAGE),
        USER_RPC: user_pages(bench.aviary, some, PAGE),
        POST_RPC: post_answers(bench),
    }


def both(bench: Bench, reference: Limit, *, seconds: float | None = None) -> list[Subject]:
    """Give Aviary and the limit under the mix."""
    requests, change = _asked(bench, seconds)
    return [
        aviary(bench, requests, change=change, settled=True),
        bare(bench, reference, requests, change=change),
    ]


def alone(bench: Bench) -> Subject:
    """Give Aviary under the mix, beside nothing."""
    requests, change = _asked(bench, None)
    return aviary(bench, requests, change=change, settled=True)


def _asked(bench: Bench, seconds: float | None) -> tuple[Requests, Change]:
    """Give what is asked, and what makes a plan tell its kinds apart."""
    drawn = _draw(bench)
    kinds = [kind for kind, _ in drawn]

    def requests() -> list[str]:
        token = bench.aviary.token()
        return [
            _request(bench, kind, user, place, token) for place, (kind, user) in enumerate(drawn)
        ]

    def told_apart(plan: Plan) -> Plan:
        return replace(plan, kinds=kinds, seconds=seconds or plan.seconds)

    return requests, told_apart


def _draw(bench: Bench) -> list[tuple[int, int]]:
    """Draw kinds of requests, and whose they are."""
    rng, users = bench.world.rng, bench.world.users
    kinds = rng.choices((HOME, USER, POST), SHARES, k=DRAWN)
    return [(kind, rng.choice(bench.viewers if kind == HOME else users)) for kind in kinds]


def _request(bench: Bench, kind: int, user: int, place: int, token: str) -> str:
    if kind == POST:
        texts = bench.world.texts
        body = {"user_id": str(user), "text": texts[place % len(texts)]}
        return post("/v1/tweets", body, token)
    whose = "home" if kind == HOME else "user"
    return get(f"/v1/timeline/{whose}?user_id={user}&limit={PAGE}", token)
