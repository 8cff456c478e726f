"""The command: its options, and a run from end to end."""

import math
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import grpc
import httpx
import redis

from bench import aviary as aviaries
from bench.context import Bench, Options
from bench.costs import spent
from bench.errors import BenchError
from bench.report.page import page
from bench.results import Result, as_json, document, machine
from bench.scenarios import SCENARIOS, soak
from bench.world import World
from bench.writing import make_folder, write
from services.cli.load.errors import LoadError
from services.cli.load.generating import draw_posts, generate_graph, generate_texts
from services.cli.load.model import FollowGraph
from services.cli.load.progress import Progress
from services.cli.load.reading import read_graph, read_texts

__all__ = ["main"]

SEED = 5
FAILURES = (
    BenchError,
    LoadError,
    OSError,
    grpc.RpcError,
    httpx.HTTPError,
    redis.RedisError,
    subprocess.SubprocessError,
    ZeroDivisionError,  # so short a round that no CPU time can be told
)
"""What a scenario may end with; anything else is a fault of its own, and ends the run."""
HOUR_S, WEEK_MIN = 3_600.0, 10_080.0
"""The longest that may be asked for."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128
"""Of an exit code: a shell adds the signal's number."""
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class Duration(click.FloatRange):
    """A range without the number that is in every range, since it compares with none."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read it."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to load, and how long to measure."""

    users: int
    follows_per_user: int
    tweets: int
    idle_s: float
    """How long it is watched doing nothing."""
    options: Options


FULL = Size(
    1_000,
    40,
    5_000,
    15.0,
    Options(
        rounds=5,
        seconds=5.0,
        viewers=1_000,
        crowd=5_000,
        soak_s=60.0,
        wide=5_000,
        history=50,
        probes=50,
        tried=(8, 16, 32, 64),
    ),
)
QUICK = Size(
    500,
    20,
    1_000,
    3.0,
    Options(
        rounds=2,
        seconds=1.0,
        viewers=500,
        crowd=300,
        soak_s=10.0,
        wide=500,
        history=5,
        probes=5,
        tried=(16, 32),
    ),
)


@click.command(help="Measure a fresh Aviary against references, and write a report.")
@click.option(
    "--scenario",
    "chosen",
    multiple=True,
    type=click.Choice(list(SCENARIOS)),
    help="Measure this alone; may be repeated. They run in the order of --list.  "
    "[default: all; with --quick, all but the soak]",
)
@click.option("--list", "listed", is_flag=True, help="List the scenarios, and end.")
@click.option("--quick", is_flag=True, help="Less of everything: three minutes or so.")
@click.option("--edges", type=FILE, help="Graph: `a b` a line, both ways; may be gzipped.")
@click.option("--tweets", type=FILE, help="Texts: one a line, UTF-8; may be gzipped.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".bench"),
    show_default=True,
    help="Folder for results.json and report.html.",
)
@click.option("--users", type=click.IntRange(10), help="Without --edges: people to make.")
@click.option("--tweet-count", type=click.IntRange(1), help="Tweets to begin with.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of each measurement.")
@click.option("--seconds", type=Duration(0.1, HOUR_S), help="Length of each in a round.")
@click.option("--crowd", type=click.IntRange(10), help="Followers of the author with many.")
@click.option("--soak-minutes", type=Duration(0.01, WEEK_MIN), help="Length of the soak.")
def main(  # noqa: PLR0913 - an argument for each option
    chosen: Sequence[str],
    *,
    listed: bool,
    quick: bool,
    edges: Path | None,
    tweets: Path | None,
    out: Path,
    **sizes: Any,  # noqa: ANN401 - click checks each
) -> None:
    """Run as the command line says."""
    if listed:
        for name, scenario in SCENARIOS.items():
            click.echo(f"{name:20}{scenario.TITLE}")
        return
    size = _sized(QUICK if quick else FULL, sizes)
    names = [name for name in SCENARIOS if name in chosen] or _by_default(quick=quick)
    try:
        make_folder(out)
        _end_in_order()
        run = _measure(names, size, edges, tweets)
        write(out / "results.json", as_json(run))
        write(out / "report.html", page(run))
    except (BenchError, LoadError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out / 'results.json'}\n{out / 'report.html'}")
    sys.exit(any(one["failure"] for one in run["scenarios"]))


def _end_in_order() -> None:
    """Take signals to end, but those that whoever started this has it ignore, as nohup does."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    """Stop what is running and remove its folder, undisturbed by a second Ctrl-C."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(SIGNALLED + number)


def _by_default(*, quick: bool) -> list[str]:
    return [name for name in SCENARIOS if not (quick and name == soak.NAME)]


def _sized(size: Size, given: dict[str, Any]) -> Size:
    options = asdict(size.options)
    for name in ("rounds", "seconds", "crowd"):
        options[name] = given[name] or options[name]
    if given["soak_minutes"]:
        options["soak_s"] = given["soak_minutes"] * 60
    users = given["users"] or size.users
    follows = min(size.follows_per_user, (users - 1) // 2)
    return Size(
        users, follows, given["tweet_count"] or size.tweets, size.idle_s, Options(**options)
    )


def _measure(
    chosen: Sequence[str], size: Size, edges: Path | None, tweets: Path | None
) -> dict[str, Any]:
    on = machine()
    rng = random.Random(SEED)  # noqa: S311 - drawn again from the same seed
    graph = _graph(size, edges, rng)
    texts = (
        generate_texts(size.tweets, rng)
        if tweets is None
        else read_texts(tweets, size.tweets).texts
    )
    posts = draw_posts(graph, texts, rng)
    results: list[Result] = []
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="aviary-bench-") as name:
        folder = Path(name)
        with aviaries.running(folder / "data") as aviary:
            world = World(aviary, graph, posts, Progress())
            click.echo(f"Aviary is ready after {aviary.ready_after_s:.1f} s; filling it")
            world.load()
            world.read(world.users[: size.options.viewers])
            idle = _idle(aviary, size.idle_s)
            bench = Bench(aviary, world, size.options, folder, idle)
            results += [_scenario(one, bench) for one in chosen]
    settings = {
        "scenarios": list(chosen),
        "people": len(graph.following),
        "follows": graph.follow_count,
        "tweets": len(posts),
        "edges": None if edges is None else edges.name,
        "texts": None if tweets is None else tweets.name,
        **asdict(size.options),
    }
    return document(results, settings, on, idle=idle, began=began)


def _graph(size: Size, edges: Path | None, rng: random.Random) -> FollowGraph:
    if edges is None:
        return generate_graph(size.users, size.follows_per_user, rng)
    return read_graph(edges, directed=False)


def _idle(aviary: aviaries.Aviary, seconds: float) -> dict[str, float]:
    """Give the CPU seconds a second that each process takes while nobody asks anything."""
    before, began = aviary.cpu(), time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began
    return {name: s / took_s for name, s in spent(before, aviary.cpu()).items()}


def _scenario(name: str, bench: Bench) -> Result:
    scenario = SCENARIOS[name]
    click.echo(f"{name}: {scenario.TITLE}")
    began = time.monotonic()
    try:
        result: Result = scenario.run(bench)
    except FAILURES as error:
        # What others give is worth having.
        click.echo(f"  FAILED: {error}", err=True)
        result = Result(name, scenario.TITLE, [], failure=str(error) or type(error).__name__)
    result.took_s = time.monotonic() - began
    for figure in result.figures:
        verdict = {None: "too small a run to tell", True: "reached", False: "NOT REACHED"}[
            figure.reached
        ]
        target = "" if figure.target is None else f"  to reach {figure.target:g}  {verdict}"
        click.echo(f"  {figure.name:44}{figure.value:12,.3f} {figure.unit}{target}")
    return result
