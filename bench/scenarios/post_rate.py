"""How long a post takes at a fixed rate, each author with a token and an address of their own."""

from bench.context import Bench
from bench.measuring import take_turns
from bench.results import Better, Figure, Result, Row
from bench.scenarios.post import FOLLOWERS
from bench.subjects import aviary
from bench.traffic import at_rate, post

__all__ = ["NAME", "TITLE", "run"]

NAME = "post-rate"
TITLE = "Posts at 200 a second, open loop, by users within their limits"
RATE = 200.0
POSTS_PER_AUTHOR = 5
"""In one run: what an account younger than a week may post at once."""
TEXT = "the {}th of many, all of them by people of their own"


def run(bench: Bench) -> Result:
    """Post as very many authors; a few hundred of them have readers."""
    count = round(RATE * bench.options.seconds)
    authors = bench.world.people(-(-count // POSTS_PER_AUTHOR))
    readers = bench.viewers[:FOLLOWERS]
    bench.world.follow({reader: [one.user_id for one in authors] for reader in readers})
    bench.world.read(readers)
    # Everybody has posted before, as most who post have.
    bench.world.post(zip((one.user_id for one in authors), bench.world.texts, strict=False))
    tokens = [bench.aviary.token_of(one.handle) for one in authors]

    def posts() -> list[str]:
        return [
            post("/v1/tweets", {"text": TEXT.format(number)}, tokens[number % len(tokens)])
            for number in range(count)
        ]

    subject = aviary(
        bench, posts, name="Aviary", change=lambda plan: at_rate(plan, RATE), settled=True
    )
    (ours,) = take_turns([subject], rounds=1, warm_up=False)
    row = Row.of(ours)
    return Result(
        NAME,
        TITLE,
        [
            Figure("p99", row.latency_ms["p99"], "ms", Better.LOWER, 100.0),
            Figure("CPU of all processes", ours.total_cpu_us / 1_000, "ms", Better.LOWER),
            Figure("failed", ours.failed, better=Better.LOWER, target=0),
        ],
        [row],
        [
            (
                f"{len(authors):,} authors, each followed by {len(readers)} readers; the gateway "
                "is asked for each post, which it is not for an operator's."
            )
        ],
    )
