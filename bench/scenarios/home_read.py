"""A warm home read of 50 tweets, over REST, beside the limit."""

from bench.checks import check_same_bytes
from bench.context import Bench
from bench.measuring import take_turns
from bench.reference import limit
from bench.results import Better, Figure, Result, Row
from bench.rpcs import HOME_RPC
from bench.subjects import aviary, bare
from bench.traffic import PAGE, home_pages, home_reads, is_full, tweets_on

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-read"
TITLE = "Home read of 50, warm, REST at the edge"


def run(bench: Bench) -> Result:
    """Read many people's homes in turn, as fast as answers come."""

    def reads() -> list[str]:
        return home_reads(bench, bench.viewers)

    pages = home_pages(bench.aviary, bench.viewers)
    with limit.running(bench.folder / NAME, {HOME_RPC: pages}) as reference:
        check_same_bytes(bench, reference.port, bench.viewers[0], PAGE)
        subjects = [aviary(bench, reads), bare(bench, reference, reads)]
        ours, theirs = take_turns(subjects, rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "rate against the limit",
                ours.rate / theirs.rate,
                target=0.7,
                at_size=is_full(pages),
            ),
            Figure("the same by CPU", theirs.total_cpu_us / ours.total_cpu_us),
            Figure("CPU of all processes", ours.total_cpu_us, "µs", Better.LOWER),
            Figure("tweets on a page, mean", tweets_on(pages)),
        ],
        [Row.of(ours), Row.of(theirs)],
    )
