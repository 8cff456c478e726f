"""The operators' commands about tweets in quarantine: their arguments and options."""

from pathlib import Path

import click

from services.cli.operate.arguments import MAX_INT64
from services.cli.operate.running import DATA_DIR, run_command
from services.cli.options import JSON

__all__ = ["TWEET_COMMANDS"]

# What the service takes in one call.
MAX_LISTED = 1_000
DEFAULT_LISTED = 100
MODULE = "run_tweets"
TWEET_ID = click.argument("tweet_id", metavar="TWEET_ID", type=click.IntRange(1, MAX_INT64))


@click.command("quarantined-tweets")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LISTED),
    default=DEFAULT_LISTED,
    show_default=True,
    help="At most so many, the oldest first.",
)
@JSON
@DATA_DIR
def quarantined_tweets(data_dir: Path | None, limit: int, *, as_json: bool) -> None:
    """List tweets that nobody but their authors is shown, and why."""
    run_command(lambda run: run.quarantined(data_dir, limit, as_json=as_json), MODULE)


@click.command("quarantine-tweet")
@TWEET_ID
@click.argument("reason")
@DATA_DIR
def quarantine_tweet(data_dir: Path | None, tweet_id: int, reason: str) -> None:
    """Hide a tweet from everybody but its author, for a REASON that other operators are shown."""
    run_command(lambda run: run.hide(data_dir, tweet_id, reason), MODULE)


@click.command("clear-tweet")
@TWEET_ID
@DATA_DIR
def clear_tweet(data_dir: Path | None, tweet_id: int) -> None:
    """Have a tweet in quarantine shown again; whatever scanners find in it, it stays so."""
    run_command(lambda run: run.clear(data_dir, tweet_id), MODULE)


TWEET_COMMANDS = (quarantined_tweets, quarantine_tweet, clear_tweet)
