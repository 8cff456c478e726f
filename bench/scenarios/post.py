"""What a post costs until it is in every timeline, beside the limit of a post."""

from dataclasses import replace

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import Measured, take_turns
from bench.reference import limit
from bench.results import Better, Figure, Result, Row
from bench.rpcs import POST_RPC
from bench.subjects import aviary, bare
from bench.traffic import post_answers, posts

__all__ = ["NAME", "TITLE", "run"]

NAME = "post"
TITLE = "A post, durable, until it is in every timeline"
AUTHORS = 20
FOLLOWERS = 100
LONGER = 3
"""A round is so many times as long as others. Its last posts are in all timelines some tenths of a
second after its end, which are not to count for much; a queue that grows has the time to show."""


def run(bench: Bench) -> Result:
    """Post as authors whom nobody follows, and as authors whom a hundred readers follow."""
    alone = [one.user_id for one in bench.world.people(AUTHORS)]
    followers_each = min(FOLLOWERS, len(bench.viewers))
    followed = followed_authors(bench, AUTHORS, FOLLOWERS)
    with limit.running(bench.folder / NAME, {POST_RPC: post_answers(bench)}) as reference:
        subjects = [
            aviary(
                *(bench, lambda: posts(bench, alone)),
                name="no followers",
                change=_longer,
                settled=True,
            ),
            aviary(
                *(bench, lambda: posts(bench, followed)),
                name="100 followers",
                change=_longer,
                settled=True,
            ),
            bare(bench, reference, lambda: posts(bench, alone), change=_longer),
        ]
        lonely, popular, bound = take_turns(subjects, rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            _cpu("no followers: CPU of all processes", lonely, 3.0),
            _cpu(
                "100 followers who read: CPU of all processes",
                popular,
                5.0,
                at_size=followers_each >= FOLLOWERS,
            ),
            Figure(
                "100 followers: rate against the limit",
                popular.settled_rate / bound.rate,
                target=0.25,
                at_size=followers_each >= FOLLOWERS,
            ),
            Figure("no followers: rate against the limit", lonely.settled_rate / bound.rate),
            Figure("100 followers: posts delivered a second", popular.settled_rate, "/s"),
        ],
        [Row.of(lonely), Row.of(popular), Row.of(bound)],
        ["Rates count until the last post is in all timelines, not until it was answered."],
    )


def followed_authors(bench: Bench, authors: int, followers: int) -> list[int]:
    """Make authors, each with followers among those who read; together they are all of these."""
    made = [one.user_id for one in bench.world.people(authors)]
    viewers = bench.viewers
    follows: dict[int, list[int]] = {}
    for number, author in enumerate(made):
        first = number * len(viewers) // authors
        for place in range(min(followers, len(viewers))):
            follows.setdefault(viewers[(first + place) % len(viewers)], []).append(author)
    bench.world.follow(follows)
    bench.world.read(list(follows))
    return made


def _longer(plan: Plan) -> Plan:
    return replace(plan, seconds=LONGER * (plan.seconds or 0.0))


def _cpu(name: str, measured: Measured, target_ms: float, *, at_size: bool = True) -> Figure:
    return Figure(name, measured.total_cpu_us / 1_000, "ms", Better.LOWER, target_ms, at_size)
