"""The command: its options, and what it writes."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench.capacity.assumptions import SEED, Assumptions, Prices, change
from bench.capacity.check import check
from bench.capacity.costs import DEFAULTS, UnitCosts, read_costs
from bench.capacity.document import document
from bench.capacity.model import Model, best
from bench.capacity.page import page
from bench.capacity.terminal import checked, tables
from bench.errors import BenchError
from bench.results import as_json
from bench.writing import make_folder, write
from services.platform.config.settings import DEFAULT_CELEBRITY_THRESHOLD

__all__ = ["main"]

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(
    help="Reckon what Aviary takes at a scale: pods, Valkey and Bigtable nodes, storage, fan-out "
    "lag, dollars a month, and the celebrity threshold that costs least.\n\nExamples:\n\n"
    "  python -m bench.capacity\n\n"
    "  python -m bench.capacity --results .bench/results.json --share 0.1\n\n"
    "  python -m bench.capacity --set vcpu_hour=0.03 --set peak=5\n\n"
    "  python -m bench.capacity --results .bench/results.json --check"
)
@click.option(
    "--results",
    type=FILE,
    help="results.json of `python -m bench`: costs of operations that it has.  [default: those "
    "of --costs]",
)
@click.option(
    "--check",
    "checking",
    is_flag=True,
    help="Compare --results' own mix with what its parts predict; fail when off by more than 20%.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the scale: 0.1 is a tenth of the people.",
)
@click.option(
    "--threshold",
    type=click.IntRange(1),
    default=DEFAULT_CELEBRITY_THRESHOLD,
    show_default=True,
    help="Followers up to which tweets are pushed, for all but the curve.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a number of --assumptions; may be repeated.",
)
@click.option(
    "--assumptions", "listed", is_flag=True, help="List scale, assumptions and prices, and end."
)
@click.option(
    "--costs",
    "sources",
    is_flag=True,
    help="List the costs of operations and where they were measured, and end.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".bench"),
    show_default=True,
    help="Folder for capacity.json and capacity.html.",
)
def main(  # noqa: PLR0913 - an argument for each option
    *,
    results: Path | None,
    checking: bool,
    share: float,
    threshold: int,
    changes: Sequence[str],
    listed: bool,
    sources: bool,
    out: Path,
) -> None:
    """Run as the command line says."""
    try:
        run = None if results is None else _read(results)
        if checking:
            _check(run)
        costs = DEFAULTS if run is None else read_costs(run)
        model = _model(share, _parsed(changes), costs)
        if listed or sources:
            _list(model, listed=listed, sources=sources)
            return
        _report(model, threshold, out)
    except (BenchError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _model(share: float, changes: Sequence[tuple[str, float]], costs: UnitCosts) -> Model:
    return Model.of(
        change(SEED.times(share), changes),
        change(Assumptions(), changes),
        change(Prices(), changes),
        costs,
    )


def _report(model: Model, threshold: int, out: Path) -> None:
    make_folder(out)
    plans = model.curve()
    chosen, cheapest = model.plan(threshold), best(plans)
    if not math.isfinite(chosen.total):
        raise BenchError(
            f"threshold {threshold:,} cannot be served: {chosen.load_mean.celebrities:,.0f} "
            "celebrities leave timeline processes no time for readers"
        )
    lags = model.lags(chosen)
    said = document(model, plans, chosen, cheapest, lags)
    for line in tables(said):
        click.echo(line)
    write(out / "capacity.json", as_json(said))
    write(out / "capacity.html", page(said))
    click.echo(f"\n{out / 'capacity.json'}\n{out / 'capacity.html'}")


def _check(run: dict[str, Any] | None) -> None:
    if run is None:
        raise click.UsageError("--check is of a run: give its --results")
    result = check(run)
    for line in checked(result):
        click.echo(line)
    sys.exit(not result.holds)


def _read(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BenchError(f"{path} is no JSON: {error}") from error
    if not isinstance(run, dict):
        raise BenchError(f"{path} is no results.json: it holds no object")
    return run


def _parsed(changes: Sequence[str]) -> list[tuple[str, float]]:
    known = {**asdict(SEED), **asdict(Assumptions()), **asdict(Prices())}
    parsed = []
    for one in changes:
        name, _, value = one.partition("=")
        if not isinstance(known.get(name), float):
            raise click.UsageError(f"--set {one}: there is no {name!r}; --assumptions lists all")
        try:
            parsed.append((name, float(value)))
        except ValueError as error:
            raise click.UsageError(f"--set {one}: {value!r} is not a number") from error
    return parsed


def _list(model: Model, *, listed: bool, sources: bool) -> None:
    if listed:
        for title, one in (
            ("scale", model.scale), ("assumptions", model.given), ("prices", model.prices)
        ):  # fmt: skip
            click.echo(title)
            for name, value in asdict(one).items():
                click.echo(f"  {name:24}{value if isinstance(value, str) else f'{value:,g}'}")
    if sources:
        for name, cost in asdict(model.costs).items():
            click.echo(f"{name}  ({cost['source']})")
            for process, us in cost["us"].items():
                click.echo(f"  {process:24}{us:,.1f}")
