"""The command `mix`: its options."""

import sys
from pathlib import Path
from typing import Any

import click

from services.cli.load.command import DEFAULT_CONCURRENCY, DEFAULT_URL, MAX_CONCURRENCY
from services.cli.load.errors import LoadError
from services.cli.load.mix_run import (
    DEFAULT_FOLLOWS_PER_USER,
    DEFAULT_TWEETS,
    DEFAULT_USERS,
    MixOptions,
    run,
)
from services.cli.load.operations import DEFAULT_SHARES
from services.cli.options import JSON
from services.cli.options import data_dir as data_dir_option

__all__ = ["mix"]

# What a shell reports of a command that SIGINT ended.
INTERRUPTED = 130
DEFAULT_SECONDS = 30.0
# Until connections are open and what is read often is cached.
DEFAULT_WARM_UP_S = 5.0
SHARES = ",".join(f"{operation}={share:g}" for operation, share in DEFAULT_SHARES.items())
FROM_ZERO = click.FloatRange(min=0)
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)

EXAMPLES = """\b
Examples:
  aviary mix --seconds 60
  aviary load --manifest loaded.json && aviary mix --manifest loaded.json --rate 200
  aviary mix --shares home=90,post=10 --concurrency 8 --json > mix.json
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Users and tweets of a `load`, by its manifest.  "
    f"[default: make {DEFAULT_USERS} users, who follow {DEFAULT_FOLLOWS_PER_USER} each, "
    f"and {DEFAULT_TWEETS} tweets]",
)
@click.option(
    "--shares",
    default=SHARES,
    show_default=True,
    help="What is done how often: numbers in proportion; what is left out is not done.",
)
@click.option(
    "--seconds", type=ABOVE_ZERO, default=DEFAULT_SECONDS, show_default=True, help="Measured time."
)
@click.option(
    "--warm-up",
    "warm_up_s",
    type=FROM_ZERO,
    default=DEFAULT_WARM_UP_S,
    show_default=True,
    help="Seconds before that, which are not measured.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="Requests in flight; with --rate, at most.",
)
@click.option(
    "--rate",
    type=ABOVE_ZERO,
    help="Requests a second, sent whether others are answered or not; latencies count from when "
    "a request was due.  [default: each is sent when the one before it is answered]",
)
@click.option("--seed", default=0, show_default=True, help="Seed of whatever is drawn.")
@click.option("--url", default=DEFAULT_URL, show_default=True, help="URL of the edge.")
@click.option(
    "--token",
    envvar="AVIARY_TOKEN",
    show_envvar=True,
    help="Access token that acts for anybody. Everybody on this machine sees what is typed here: "
    "set the variable instead.  [default: the operator's, by --data-dir]",
)
@data_dir_option("Folder of the running Aviary, for a token.")
@click.option("--progress", is_flag=True, help="Show a bar even where stderr is no terminal.")
@JSON
def mix(**options: Any) -> None:  # noqa: ANN401 - click checks each against its option
    """Play a realistic mix at a running Aviary, and report latencies with percentiles.

    Homes and user timelines are read, tweets posted, liked, retweeted and searched for, over REST.
    No request is sent twice: one that fails is counted, by its status, and its latency is not. All
    come from this machine, so where the edge limits addresses and apps the answer is 429: start
    Aviary with AVIARY_EDGE_LIMITS=off. Ctrl-C ends it early, with what was measured until then. The
    exit code is 1 when a request failed, and when there is nothing to play with.
    """
    try:
        all_answered = run(MixOptions(**options))
    except LoadError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    if not all_answered:
        sys.exit(1)
