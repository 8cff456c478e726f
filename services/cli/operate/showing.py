"""What commands print."""

from collections.abc import Iterable, Sequence
from typing import Literal

import click
from aviary.engagement.v1 import engagement_service_pb2 as engagement_pb
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.queue.v1 import queue_pb2 as pb
from aviary.queue.v1 import queue_service_pb2
from aviary.search.v1 import search_service_pb2 as search_pb

from services.cli.operate.documents import kind_of
from services.cli.operate.events import said

__all__ = [
    "show_content",
    "show_counts",
    "show_indexes",
    "show_letters",
    "show_pauses",
    "show_queues",
    "show_table",
    "show_threshold",
]

UNKNOWN = "unknown"
GAP = "  "
PROPAGATION = "All processes follow within three seconds."


def show_queues(queues: Iterable[pb.Queue]) -> None:
    """Print one line for each queue."""
    rows = [
        (
            each.subscription,
            _count(each, "messages"),
            _count(each, "dead_letters"),
            _state(each.paused) if each.HasField("paused") else UNKNOWN,
        )
        for each in queues
    ]
    show_table([("subscription", "waiting", "dead", "state"), *rows], right={1, 2})
    if any(UNKNOWN in row[1:3] for row in rows):
        click.echo(
            "Pub/Sub gives these numbers only to Cloud Monitoring: num_undelivered_messages of "
            "the subscription, and of the one of the same name that ends in .dead."
        )


def show_letters(letters: Iterable[tuple[str, pb.DeadLetter]]) -> None:
    """Print one line for each of these, given with its subscription."""
    rows = [(name, each.id, _reason(each)) for name, each in letters]
    show_table([("subscription", "id", "reason"), *rows])


def show_content(subscription: str, content: queue_service_pb2.ReadDeadLettersResponse) -> None:
    """Print one dead letter whole."""
    letter = content.dead_letter
    facts = [
        ("subscription", subscription),
        ("id", letter.id),
        ("reason", _reason(letter)),
        *((f"attribute {name}", text) for name, text in sorted(content.attributes.items())),
        ("says", said(subscription, content.data) or repr(content.data)),
    ]
    if content.data_size > len(content.data):
        facts.append(("bytes", f"{content.data_size:,}, of which these are the first"))
    show_table(facts)


def show_indexes(indexes: Iterable[search_pb.IndexStatus]) -> None:
    """Print one line for each index."""
    rows = [
        (
            each.replica,
            f"{each.tweets:,}",
            each.caught_up_to.ToJsonString(),
            f"rebuilding, {each.percent}%" if each.rebuilding else "whole",
        )
        for each in indexes
    ]
    show_table([("index", "tweets", "caught up to", "state"), *rows], right={1})


def show_pauses(pauses: Iterable[pb.Pause]) -> None:
    """Print which subscriptions are paused."""
    rows = [(each.subscription, _state(each.paused)) for each in pauses]
    show_table([("subscription", "state"), *rows])
    click.echo(PROPAGATION)


def show_threshold(controls: fanout_pb.Controls) -> None:
    """Print where push ends."""
    now, default = controls.celebrity_threshold, controls.default_celebrity_threshold
    origin = "the default" if now == default else f"set by an operator; the default is {default:,}"
    followers = "follower" if now == 1 else "followers"
    click.echo(f"Tweets are pushed for authors with up to {now:,} {followers} ({origin}).")


def show_counts(
    found: Iterable[engagement_pb.TweetCounts], drifts: Iterable[engagement_pb.CountDrift]
) -> None:
    """Print one line for each tweet, after one for each count that was off."""
    for each in drifts:
        click.echo(
            f"tweet {each.tweet_id}: the {kind_of(each)} count was {each.counted:,}, and is "
            f"{each.exact:,} now"
        )
    rows = [
        (
            str(each.tweet_id),
            *(
                f"{count:,}"
                for count in (
                    each.like_count,
                    each.retweet_count,
                    each.bookmark_count,
                    each.reply_count,
                    each.quote_count,
                )
            ),
        )
        for each in found
    ]
    heads = ("tweet", "likes", "retweets", "bookmarks", "replies", "quotes")
    show_table([heads, *rows], right=range(1, len(heads)))


def _reason(letter: pb.DeadLetter) -> str:
    """Give the reason and, of what cannot be read, the bytes as Python writes them: in ASCII."""
    fields = [f"{each.name!r}: {each.value!r}" for each in letter.fields]
    return letter.reason + (f" {{{', '.join(fields)}}}" if fields else "")


def _count(queue: pb.Queue, field: Literal["messages", "dead_letters"]) -> str:
    return f"{getattr(queue, field):,}" if queue.HasField(field) else UNKNOWN


def _state(paused: bool) -> str:  # noqa: FBT001 - a field of an answer
    return "paused" if paused else "running"


def show_table(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print rows in columns, the first as their heads; those of `right` end in line."""
    rows = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo(GAP.join(cells).rstrip())


def _printable(text: str) -> str:
    """Reasons hold what others wrote; a terminal must not obey it."""
    return "".join(each if each.isprintable() else " " for each in text)
