"""A warm home read beside the plain choice, of people who follow two hundred others."""

from bench.checks import check_same_tweets
from bench.context import Bench
from bench.measuring import Subject, take_turns
from bench.reference import plain
from bench.results import Figure, Result, Row
from bench.subjects import aviary
from bench.traffic import PAGE, home_reads, plan_of

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-plain"
TITLE = "Home read of 50, warm, against FastAPI and SQL"
READERS = 500
FOLLOWINGS = 200
AUTHORS = 400
"""Of whom each reader follows others, so that no two homes are the same."""


def run(bench: Bench) -> Result:
    """Read the same homes of both."""
    world = bench.world
    readers = [one.user_id for one in world.people(READERS)]
    authors = world.rng.sample(world.users, min(AUTHORS, len(world.users)))
    followings = min(FOLLOWINGS, len(authors))
    # A query at read costs by what authors have written, of which only the newest is shown.
    world.write_histories(authors, bench.options.history)
    world.follow({reader: world.rng.sample(authors, followings) for reader in readers})
    world.read(readers)

    def reads() -> list[str]:
        return home_reads(bench, readers)

    with plain.running(bench.folder / NAME, world) as reference:
        check_same_tweets(bench, reference.port, readers, PAGE)
        theirs = Subject(
            name=f"FastAPI, {reference.engine}",
            plan=lambda: plan_of(bench, reads(), port=reference.port),
            cpu=reference.cpu,
        )
        ours, other = take_turns([aviary(bench, reads), theirs], rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "times the plain choice's rate",
                ours.rate / other.rate,
                target=10.0,
                at_size=followings == FOLLOWINGS,
            ),
            Figure("the same by CPU", other.total_cpu_us / ours.total_cpu_us),
        ],
        [Row.of(ours), Row.of(other)],
        [
            (
                f"{READERS} readers, each of whom follows {followings} of {len(authors)}; each of "
                f"these has {bench.options.history} tweets or more. The plain choice checks "
                "no tokens and limits nobody."
            )
        ],
    )
