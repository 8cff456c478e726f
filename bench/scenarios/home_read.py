"""A warm home read of 50 tweets, over REST, beside the limit."""

from bench.context import Bench
from bench.measuring import take_turns
from bench.reference import limit
from bench.results import Better, Figure, Result, Row
from bench.rpcs import HOME_RPC
from bench.subjects import aviary, bare
from bench.traffic import home_pages, home_reads

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-read"
TITLE = "Home read of 50, warm, REST at the edge"


def run(bench: Bench) -> Result:
    """Read many people's homes in turn, as fast as answers come."""

    def reads() -> list[str]:
        return home_reads(bench, bench.viewers)

    answers = {HOME_RPC: home_pages(bench.aviary, bench.viewers)}
    with limit.running(bench.folder / NAME, answers) as reference:
        subjects = [aviary(bench, reads), bare(bench, reference, reads)]
        ours, theirs = take_turns(subjects, rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure("rate against the limit", ours.rate / theirs.rate, target=0.7),
            Figure("the same by CPU", theirs.total_cpu_us / ours.total_cpu_us),
            Figure("CPU of all processes", ours.total_cpu_us, "µs", Better.LOWER),
        ],
        [Row.of(ours), Row.of(theirs)],
    )
