"""The kinds of requests of the mix, each alone: what `bench.capacity --check` predicts it from."""

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import take_turns
from bench.results import Better, Figure, Result, Row
from bench.scenarios import mix
from bench.subjects import aviary
from bench.traffic import at_rate, get, home_reads, posts

__all__ = ["HOME", "NAME", "POST", "TITLE", "USER", "run"]

NAME = "mix-parts"
TITLE = "The mix's kinds of requests, each alone"
HOME, USER, POST = "home of 10, warm", "user timeline of 10", "post, no followers"
"""Names of the rows."""
AUTHORS = 200


def run(bench: Bench) -> Result:
    """Read homes, then users' timelines, as fast as answers come; post at the mix's rate.

    A post costs less among many, which share batches; so the mix's rate is measured first.
    """
    (probed,) = take_turns([mix.alone(bench)], rounds=1)
    rate = max(1.0, mix.SHARES[mix.POST] * probed.rate)
    authors = [one.user_id for one in bench.world.people(AUTHORS)]

    def homes() -> list[str]:
        return home_reads(bench, bench.viewers, mix.PAGE)

    def timelines() -> list[str]:
        token = bench.aviary.token()
        return [
            get(f"/v1/timeline/user?user_id={user}&limit={mix.PAGE}", token)
            for user in bench.world.users
        ]

    def paced(plan: Plan) -> Plan:
        return at_rate(plan, rate)

    subjects = [
        aviary(bench, homes, name=HOME),
        aviary(bench, timelines, name=USER),
        aviary(bench, lambda: posts(bench, authors), name=POST, change=paced, settled=True),
    ]
    measured = take_turns(subjects, rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure(f"{one.name}: CPU of all processes", one.total_cpu_us, "µs", Better.LOWER)
            for one in measured
        ],
        [Row.of(one) for one in measured],
        [f"Posts are at {rate:.0f} a second, as the mix had them just before."],
    )
