"""The operators' commands: their arguments and options."""

from collections.abc import Sequence
from pathlib import Path

import click

from services.cli.operate.arguments import MAX_INT64, check_some, followers_meant
from services.cli.operate.media_commands import MEDIA_COMMANDS
from services.cli.operate.running import DATA_DIR, run_command
from services.cli.operate.tweet_commands import TWEET_COMMANDS
from services.cli.options import JSON

__all__ = ["COMMANDS"]

# What the service takes in one call.
MAX_LETTERS = 1_000
DEFAULT_LETTERS = 100
REDRIVEN_PER_SECOND = 100


@click.command(
    epilog="""\b
Examples:
  aviary queues
  aviary queues --watch
"""
)
@click.option("--watch", is_flag=True, help="Show them again every two seconds, until Ctrl-C.")
@JSON
@DATA_DIR
def queues(data_dir: Path | None, *, watch: bool, as_json: bool) -> None:
    """Show how much lies in each queue, and which are paused.

    What waits is not yet handled: queued, in hand, or to be tried again. What is dead was given
    up: `dead-letters` says why.
    """
    run_command(lambda run: run.queues(data_dir, watch=watch, as_json=as_json))


@click.command("dead-letters")
@click.argument("subscription", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LETTERS),
    default=DEFAULT_LETTERS,
    show_default=True,
    help="At most so many of each subscription.",
)
@JSON
@DATA_DIR
def dead_letters(
    data_dir: Path | None, subscription: str | None, limit: int, *, as_json: bool
) -> None:
    """List messages that were given up, oldest first, and why.

    SUBSCRIPTION is one that `queues` shows; without it, all are looked at.
    """
    run_command(lambda run: run.dead_letters(data_dir, subscription, limit, as_json=as_json))


@click.command("show-dead-letter")
@click.argument("subscription")
@click.argument("letter_id", metavar="ID")
@JSON
@DATA_DIR
def show_dead_letter(
    data_dir: Path | None, subscription: str, letter_id: str, *, as_json: bool
) -> None:
    """Show a dead letter whole: what it says, what came with it, and why it was given up.

    ID is one that `dead-letters` shows.
    """
    run_command(
        lambda run: run.show_dead_letter(data_dir, subscription, letter_id, as_json=as_json)
    )


@click.command(
    "export-dead-letters",
    epilog="""\b
Examples:
  aviary export-dead-letters fanout.plan > plan.jsonl
""",
)
@click.argument("subscription")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LETTERS),
    default=MAX_LETTERS,
    show_default=True,
    help="At most so many, the oldest first.",
)
@DATA_DIR
def export_dead_letters(data_dir: Path | None, subscription: str, limit: int) -> None:
    """Print dead letters whole, one line of JSON each, as `show-dead-letter --json` does.

    They stay where they are: `drop-dead-letters` forgets them, `redrive` puts them back.
    """
    run_command(lambda run: run.export_dead_letters(data_dir, subscription, limit))


@click.command(
    epilog="""\b
Examples:
  aviary redrive fanout.plan
  aviary redrive fanout.rest --all
"""
)
@click.argument("subscription")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"At most so many, the oldest first.  [default: {DEFAULT_LETTERS}]",
)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option(
    "--per-second",
    type=click.IntRange(min=1),
    default=REDRIVEN_PER_SECOND,
    show_default=True,
    help="No more than so many a second: what is new has to be handled beside them.",
)
@DATA_DIR
def redrive(
    data_dir: Path | None,
    subscription: str,
    limit: int | None,
    per_second: int,
    *,
    everything: bool,
) -> None:
    """Put dead letters back into their queue, to be tried anew.

    Mend first what made them fail: a message that fails again comes back as a dead letter.
    """
    if everything and limit is not None:
        raise click.UsageError("--limit and --all exclude each other")
    wanted = None if everything else limit or DEFAULT_LETTERS
    run_command(lambda run: run.redrive(data_dir, subscription, wanted, per_second=per_second))


@click.command("drop-dead-letters")
@click.argument("subscription")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@DATA_DIR
def drop_dead_letters(data_dir: Path | None, subscription: str, ids: Sequence[str]) -> None:
    """Forget dead letters for good, by the ids that `dead-letters` shows.

    What such a message was to do is not done.
    """
    if len(ids) > MAX_LETTERS:
        raise click.UsageError(f"at most {MAX_LETTERS} ids at once")
    run_command(lambda run: run.drop(data_dir, subscription, ids))


@click.command()
@click.argument("subscriptions", metavar="[SUBSCRIPTION]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every queue of every service.")
@JSON
@DATA_DIR
def pause(
    data_dir: Path | None, subscriptions: Sequence[str], *, everything: bool, as_json: bool
) -> None:
    """Take no more messages from queues, in all processes.

    They are kept, and wait for `resume`. What is in hand goes on. A pause outlives restarts.
    """
    check_some(subscriptions, everything=everything)
    run_command(
        lambda run: run.pause(data_dir, subscriptions, everything=everything, as_json=as_json)
    )


@click.command()
@click.argument("subscriptions", metavar="[SUBSCRIPTION]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every queue of every service.")
@JSON
@DATA_DIR
def resume(
    data_dir: Path | None, subscriptions: Sequence[str], *, everything: bool, as_json: bool
) -> None:
    """Take messages from queues again."""
    check_some(subscriptions, everything=everything)
    run_command(
        lambda run: run.resume(data_dir, subscriptions, everything=everything, as_json=as_json)
    )


@click.command(
    epilog="""\b
Examples:
  aviary threshold
  aviary threshold 50000
  aviary threshold default
"""
)
@click.argument("followers", metavar="[FOLLOWERS|default]", required=False)
@JSON
@DATA_DIR
def threshold(data_dir: Path | None, followers: str | None, *, as_json: bool) -> None:
    """Show or move the celebrity threshold.

    Tweets of authors with more followers are not pushed, but merged in when they are read. It is
    for tweets to come; `default` goes back to the flag fanout.celebrity-threshold, or
    without one to AVIARY_CELEBRITY_THRESHOLD of each process.
    """
    wanted = None if followers is None else followers_meant(followers)
    run_command(lambda run: run.threshold(data_dir, wanted, as_json=as_json))


@click.command("rebuild-home")
@click.argument(
    "user_ids", metavar="USER_ID...", nargs=-1, required=True, type=click.IntRange(1, MAX_INT64)
)
@DATA_DIR
def rebuild_home(data_dir: Path | None, user_ids: Sequence[int]) -> None:
    """Build users' stored home timelines anew, from those they follow.

    For timelines that lack what they should show. It may be repeated, and readers notice nothing
    but one slower read.
    """
    run_command(lambda run: run.rebuild_home(data_dir, user_ids))


@click.command("counts")
@click.argument(
    "tweet_ids", metavar="TWEET_ID...", nargs=-1, required=True, type=click.IntRange(1, MAX_INT64)
)
@click.option(
    "--reconcile",
    is_flag=True,
    help="Compare them first with who is listed, and put right what is off. At most 100 tweets.",
)
@JSON
@DATA_DIR
def counts(
    data_dir: Path | None, tweet_ids: Sequence[int], *, reconcile: bool, as_json: bool
) -> None:
    """Show how many like, retweet, bookmark, answer and quote tweets.

    Counts that are off are also found and put right in the background, tweet by tweet.
    """
    run_command(lambda run: run.counts(data_dir, tweet_ids, reconcile=reconcile, as_json=as_json))


@click.command("search-indexes")
@JSON
@DATA_DIR
def search_indexes(data_dir: Path | None, *, as_json: bool) -> None:
    """Show how the search index of each replica is: its size, and up to when it has all."""
    run_command(lambda run: run.search_indexes(data_dir, as_json=as_json))


@click.command("rebuild-search")
@DATA_DIR
def rebuild_search(data_dir: Path | None) -> None:
    """Have every search index built anew; searches are answered meanwhile, with what there is."""
    run_command(lambda run: run.rebuild_search(data_dir))


@click.command
@click.option(
    "--after",
    type=click.IntRange(0, MAX_INT64),
    default=0,
    help="Go on behind this tweet, as a try that failed says.",
)
@DATA_DIR
def backfill(data_dir: Path | None, after: int) -> None:
    """Add replies, quotes and names of before to the lists of them; once, after an upgrade.

    A repeat changes nothing.
    """
    run_command(lambda run: run.backfill(data_dir, after))


COMMANDS = (
    queues,
    dead_letters,
    show_dead_letter,
    export_dead_letters,
    redrive,
    drop_dead_letters,
    pause,
    resume,
    threshold,
    rebuild_home,
    counts,
    search_indexes,
    rebuild_search,
    backfill,
    *MEDIA_COMMANDS,
    *TWEET_COMMANDS,
)
