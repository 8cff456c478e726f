"""Listing what is of before there was a list of it, some rows at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from tqdm import tqdm

from services.cli.operate.client import reach_engagement, reach_tweets, reach_users
from services.cli.operate.errors import OperateError
from services.cli.operate.finding import Found, find

__all__ = ["backfill"]

ROWS_PER_CALL: Final = 1_000
"""About a second on the slowest engine."""


async def backfill(data_dir: Path | None, after: int) -> None:
    """List replies and quotes behind the tweet `after` (0: all), and the names of all users."""
    last = await _backfill_tweets(data_dir, after)
    names, position = 0, 0
    # Users have no option of their own: whoever goes on does the last of the tweets again.
    with _going_on_after(last):
        async with reach_users(_found("user", data_dir)) as users:
            while True:
                done = await users.backfill_names(position, ROWS_PER_CALL)
                names += done.users
                if not done.HasField("resume_after_user_id"):
                    break
                position = done.resume_after_user_id
    click.echo(f"listed the names of {names:,} users")


async def _backfill_tweets(data_dir: Path | None, after: int) -> int:
    """Have both services look at the same tweets; gives after which the last of them begin."""
    listed = counted = 0
    async with (
        reach_tweets(_found("tweet", data_dir)) as tweets,
        reach_engagement(_found("engagement", data_dir)) as engagement,
    ):
        with tqdm(total=100, desc="tweets", unit="%", disable=None) as bar:
            while True:
                with _going_on_after(after):
                    replies = await tweets.backfill_replies(after, ROWS_PER_CALL)
                    references = await engagement.backfill_references(after, ROWS_PER_CALL)
                listed += replies.replies
                counted += references.references
                bar.update(replies.percent - bar.n)
                if not replies.HasField("resume_after_tweet_id"):
                    break
                after = replies.resume_after_tweet_id
    click.echo(f"listed {listed:,} replies, and counted {counted:,} tweets that reply or quote")
    return after


@contextmanager
def _going_on_after(tweet_id: int) -> Iterator[None]:
    """Say in an error how to go on."""
    try:
        yield
    except OperateError as error:
        raise OperateError(f"{error}\ngo on with --after {tweet_id}") from error


def _found(service: str, data_dir: Path | None) -> Found:
    return find(service, data_dir, os.environ)
