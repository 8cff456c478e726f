"""Follows of one account, one call each."""

from dataclasses import replace

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import take_turns
from bench.results import Better, Figure, Result, Row
from bench.subjects import aviary
from bench.traffic import post

__all__ = ["NAME", "TITLE", "run"]

NAME = "follows"
TITLE = "Follows of one account, one by one"


def run(bench: Bench) -> Result:
    """Let everybody follow an account, a new one in each round."""
    accounts = iter(bench.world.people(bench.options.rounds))

    def follows() -> list[str]:
        followee, token = str(next(accounts).user_id), bench.aviary.token()
        return [
            post("/v1/follow", {"follower_id": str(one), "followee_id": followee}, token)
            for one in bench.world.users
        ]

    def once(plan: Plan) -> Plan:
        return replace(plan, seconds=None, count=len(bench.world.users))

    subject = aviary(bench, follows, change=once, settled=True)
    (ours,) = take_turns([subject], rounds=bench.options.rounds, warm_up=False)
    return Result(
        NAME,
        TITLE,
        [
            Figure("follows", ours.rate, "/s", target=1_000.0),
            Figure("until all is done that follows from them", ours.settled_rate, "/s"),
            Figure("CPU of all processes", ours.total_cpu_us / 1_000, "ms", Better.LOWER),
        ],
        [Row.of(ours)],
    )
