"""How long a second start takes, on the data that is there."""

from bench.context import Bench
from bench.measuring import median
from bench.results import Better, Figure, Result

__all__ = ["NAME", "TITLE", "run"]

NAME = "restart"
TITLE = "From `make run` to ready"
STARTS = 3


def run(bench: Bench) -> Result:
    """Stop Aviary and start it again, some times over."""
    first = bench.aviary.ready_after_s
    again = []
    for _ in range(min(STARTS, bench.options.rounds)):
        bench.aviary.restart()
        again.append(bench.aviary.ready_after_s)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                f"a further start, median of {len(again)}", median(again), "s", Better.LOWER, 5.0
            ),
            Figure("first start", first, "s", Better.LOWER),
        ],
    )
