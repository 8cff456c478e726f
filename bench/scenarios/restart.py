"""How long a second start takes, on the data that is there."""

from bench.context import Bench
from bench.results import Better, Figure, Result

__all__ = ["NAME", "TITLE", "run"]

NAME = "restart"
TITLE = "From `make run` to ready"


def run(bench: Bench) -> Result:
    """Stop Aviary and start it again."""
    first = bench.aviary.ready_after_s
    bench.aviary.restart()
    return Result(
        NAME,
        TITLE,
        [
            Figure("second start", bench.aviary.ready_after_s, "s", Better.LOWER, 5.0),
            Figure("first start", first, "s", Better.LOWER),
        ],
    )
