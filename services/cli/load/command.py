"""The command `load`: its options."""

import sys
from pathlib import Path
from typing import Any

import click

from services.cli.load.errors import LoadError
from services.cli.load.options import (
    DEFAULT_FOLLOWS_PER_USER,
    DEFAULT_TWEETS,
    DEFAULT_USERS,
    Options,
)
from services.cli.load.run import run
from services.cli.options import data_dir as data_dir_option

__all__ = ["load"]

DEFAULT_URL = "http://127.0.0.1:8080"
# Enough to keep two cores of servers busy, and few enough that none of them queues for long.
DEFAULT_CONCURRENCY = 32
MAX_CONCURRENCY = 1_000
# What a shell reports of a command that SIGINT ended.
INTERRUPTED = 130

FILE = click.Path(path_type=Path)
COUNT = click.IntRange(min=0)

EXAMPLES = """\b
Examples:
  aviary load --users 200 --follows-per-user 10 --limit 500
  aviary load --edges friends.txt.gz --tweets tweets.txt.gz \\
      --limit 5000 --manifest loaded.json
"""


@click.command(epilog=EXAMPLES)
@click.option("--edges", type=FILE, help="Graph: two whole numbers a line, `a b`; may be gzipped.")
@click.option(
    "--directed", is_flag=True, help="In --edges, a follows b. Without it, b follows a as well."
)
@click.option(
    "--users", type=COUNT, help=f"Without --edges: users to make.  [default: {DEFAULT_USERS}]"
)
@click.option(
    "--follows-per-user",
    type=COUNT,
    help=f"Without --edges: how many each user follows.  [default: {DEFAULT_FOLLOWS_PER_USER}]",
)
@click.option("--tweets", type=FILE, help="Texts: one a line, UTF-8; may be gzipped.")
@click.option(
    "--limit",
    type=COUNT,
    help=f"Most tweets to make.  [default: all of --tweets, {DEFAULT_TWEETS} without]",
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
@click.option("--prefix", help="Prefix of the handles.  [default: a new one for each load]")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="Requests in flight.",
)
@click.option("--manifest", type=FILE, help="Write the ids made to this file, as JSON.")
@click.option("--progress", is_flag=True, help="Show bars even where stderr is no terminal.")
def load(**options: Any) -> None:  # noqa: ANN401 - click checks each against its option
    """Fill a running Aviary with users, follows and tweets, over REST.

    The graph and the texts come from files, or are made up. Authors are drawn in proportion to
    how many they follow and are followed by. Where somebody in the graph follows more users than
    AVIARY_MAX_FOLLOWED, start Aviary with more. The exit code is 1 when a file is bad, when the
    edge does not answer, and when it refuses something.
    """
    try:
        run(Options(**options))
    except LoadError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
