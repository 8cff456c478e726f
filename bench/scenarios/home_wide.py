"""What following very many, or celebrities, adds to a home read."""

from functools import partial

from bench.context import Bench
from bench.measuring import take_turns
from bench.results import TIMES, Better, Figure, Result, Row
from bench.subjects import aviary
from bench.threshold import celebrities_above
from bench.traffic import home_reads

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-wide"
TITLE = "Home read of who follows very many, or celebrities"
FOLLOWINGS = 200
VERY_MANY = 5_000
"""What the target is for."""
READERS = 24
WIDE_READERS = 8
CELEBRITIES = 50
TWEETS_EACH = 2
THRESHOLD = READERS - 1
"""Followers above which an author counts as one here, while their tweets are made."""


def run(bench: Bench) -> Result:
    """Read homes of people who follow 200, very many, and celebrities among 200."""
    world = bench.world
    followings = min(FOLLOWINGS, len(world.users))
    wide = [*world.users, *(one.user_id for one in world.people(bench.options.wide))]
    wide = wide[: bench.options.wide]
    stars = [one.user_id for one in world.people(CELEBRITIES)]
    plain = [one.user_id for one in world.people(READERS)]
    many = [one.user_id for one in world.people(WIDE_READERS)]
    fans = [one.user_id for one in world.people(READERS)]
    world.follow({one: world.rng.sample(world.users, followings) for one in plain})
    world.follow(dict.fromkeys(many, wide))
    others = max(0, followings - CELEBRITIES)
    world.follow({one: [*stars, *world.rng.sample(world.users, others)] for one in fans})
    with celebrities_above(bench.aviary, THRESHOLD):
        world.post([(star, text) for star in stars for text in world.texts[:TWEETS_EACH]])
    world.read([*plain, *fans])
    # Such a home takes a while to build, and many at a time longer than a call may take.
    world.read(many, at_once=1)
    subjects = [
        aviary(bench, partial(home_reads, bench, each), name=name)
        for name, each in (
            (f"{followings} followings", plain),
            (f"{len(wide):,} followings", many),
            (f"{followings}, of whom {CELEBRITIES} celebrities", fans),
        )
    ]
    usual, wider, starry = take_turns(subjects, rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                f"CPU with {len(wide):,} followings against {followings}",
                wider.total_cpu_us / usual.total_cpu_us,
                TIMES,
                Better.LOWER,
                1.2,
                at_size=len(wide) >= VERY_MANY and followings == FOLLOWINGS,
            ),
            Figure(
                f"CPU with {CELEBRITIES} celebrities against none",
                starry.total_cpu_us / usual.total_cpu_us,
                TIMES,
                Better.LOWER,
                1.5,
                at_size=followings == FOLLOWINGS,
            ),
        ],
        [Row.of(usual), Row.of(wider), Row.of(starry)],
    )
