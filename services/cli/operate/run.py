"""What each command does, once its options are read."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
from aviary.queue.v1 import queue_pb2 as pb
from tqdm import tqdm

from services.cli.operate import documents
from services.cli.operate.backfilling import backfill
from services.cli.operate.client import (
    QueueClient,
    reach_engagement,
    reach_queues,
    reach_search,
    reach_threshold,
    reach_timeline,
    reach_users,
)
from services.cli.operate.errors import OperateError
from services.cli.operate.finding import Found, find
from services.cli.operate.showing import (
    show_content,
    show_counts,
    show_indexes,
    show_letters,
    show_pauses,
    show_queues,
    show_threshold,
)
from services.platform.runtime.pace import Pace
from services.platform.specs import all_subscriptions, server_of

__all__ = [
    "backfill",
    "counts",
    "dead_letters",
    "drop",
    "export_dead_letters",
    "pause",
    "queues",
    "rebuild_home",
    "rebuild_search",
    "redrive",
    "resume",
    "search_indexes",
    "show_dead_letter",
    "threshold",
]

QUEUES: Final = "aviary.queue.v1.QueueService"
FANOUT: Final = "aviary.fanout.v1.FanoutService"
USERS: Final = "aviary.user.v1.UserService"
SEARCH: Final = "aviary.search.v1.SearchService"
TIMELINE: Final = "aviary.timeline.v1.TimelineService"
ENGAGEMENT: Final = "aviary.engagement.v1.EngagementService"
WATCH_EVERY_S = 2.0
LETTERS_PER_CALL = 100
"""Of a redrive: about a second on the slowest bus, so that the bar moves and no call runs late."""
DROPPED_PER_CALL = 40
"""As many ids as the service takes at once."""


async def queues(data_dir: Path | None, *, watch: bool, as_json: bool = False) -> None:
    """Print the queues, once or until interrupted."""
    show = documents.queues if as_json else show_queues
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        if not watch:
            show(await client.queues())
            return
        while True:
            await _show_again(client, show, clears=not as_json)
            await asyncio.sleep(WATCH_EVERY_S)


async def _show_again(
    client: QueueClient, show: Callable[[Sequence[pb.Queue]], None], *, clears: bool
) -> None:
    try:
        found = await client.queues()
    except OperateError as error:
        # A restart is what one may be watching.
        click.echo(error, err=True)
        return
    if clears:
        click.clear()
    show(found)


async def dead_letters(
    data_dir: Path | None, subscription: str | None, limit: int, *, as_json: bool = False
) -> None:
    """Print dead letters, of all subscriptions where none is named."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        # An empty name is a wrong one, as of a variable that is not set: not all of them.
        if subscription is not None:
            names = [subscription]
        else:
            names = [each.subscription for each in await client.queues()]
        found = {name: await client.dead_letters(name, limit) for name in names}
    letters = [(name, letter) for name, some in found.items() for letter in some]
    if as_json:
        documents.letters(letters)
    elif letters:
        show_letters(letters)
    else:
        click.echo(f"no dead letters of {subscription or 'any subscription'}")
    for name in (name for name, some in found.items() if len(some) >= limit):
        click.echo(f"{name}: the oldest {limit:,} alone; there may be more (--limit)", err=True)


async def show_dead_letter(
    data_dir: Path | None, subscription: str, letter_id: str, *, as_json: bool = False
) -> None:
    """Print one dead letter whole."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        (found,) = await client.contents(subscription, [letter_id], 0)
    (documents.content if as_json else show_content)(subscription, found)


async def export_dead_letters(data_dir: Path | None, subscription: str, limit: int) -> None:
    """Print dead letters whole, a line each."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        found = await client.contents(subscription, [], limit)
    for each in found:
        documents.content(subscription, each)
    if len(found) >= limit:
        click.echo(f"the oldest {limit:,} alone; there may be more (--limit)", err=True)


async def redrive(
    data_dir: Path | None, subscription: str, limit: int | None, *, per_second: int
) -> None:
    """Put dead letters back, up to `limit` of those that there are now; None means all of them.

    Where the bus cannot count them, it is up to `limit`, or until there are none.
    """
    redriven, at_once = 0, min(LETTERS_PER_CALL, per_second)
    pace = Pace(at_once / per_second)
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        dead = await _dead(client, subscription)
        most = min((each for each in (limit, dead) if each is not None), default=None)
        try:
            # Shown on a terminal only, which is what None asks for.
            with tqdm(total=most, desc=subscription, unit="", disable=None) as bar:
                while most is None or redriven < most:
                    await pace.wait()
                    wanted = at_once if most is None else min(at_once, most - redriven)
                    found = await client.redrive(subscription, wanted)
                    if not found:
                        break
                    redriven += found
                    bar.update(found)
        except OperateError as error:
            if redriven:
                raise OperateError(f"after {redriven:,} dead letters: {error}") from error
            raise
    letters = "dead letter" if redriven == 1 else "dead letters"
    click.echo(f"put {redriven:,} {letters} of {subscription} back")
    if limit is not None and redriven >= limit and (dead is None or dead > limit):
        click.echo("there may be more (--limit, --all)", err=True)


async def drop(data_dir: Path | None, subscription: str, ids: Sequence[str]) -> None:
    """Forget dead letters by their ids."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        dropped = 0
        for start in range(0, len(ids), DROPPED_PER_CALL):
            dropped += await client.drop(subscription, ids[start : start + DROPPED_PER_CALL])
    click.echo(f"dropped {dropped:,} of {len(ids):,} dead letters of {subscription}")
    if dropped < len(set(ids)):
        raise OperateError(f"{len(set(ids)) - dropped:,} of these ids name no dead letter there")


async def _dead(client: QueueClient, subscription: str) -> int | None:
    """Count them now: one that cannot be read is back at once, and would be put back anew."""
    for each in await client.queues():
        if each.subscription == subscription and each.HasField("dead_letters"):
            return each.dead_letters
    return None


async def pause(
    data_dir: Path | None, names: Sequence[str], *, everything: bool, as_json: bool = False
) -> None:
    """Pause subscriptions."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        pauses = await client.pause(_all() if everything else names)
    (documents.pauses if as_json else show_pauses)(pauses)


async def resume(
    data_dir: Path | None, names: Sequence[str], *, everything: bool, as_json: bool = False
) -> None:
    """Resume subscriptions."""
    async with reach_queues(_found(QUEUES, data_dir)) as client:
        pauses = await client.resume(_all() if everything else names)
    (documents.pauses if as_json else show_pauses)(pauses)


async def threshold(data_dir: Path | None, followers: int | None, *, as_json: bool = False) -> None:
    """Set the threshold, 0 to the default; None only shows it."""
    async with reach_threshold(_found(FANOUT, data_dir)) as client:
        if followers is None:
            controls = await client.controls()
        else:
            controls = await client.set_threshold(followers)
    (documents.threshold if as_json else show_threshold)(controls)


async def rebuild_home(data_dir: Path | None, user_ids: Sequence[int]) -> None:
    """Build home timelines anew, one after the other; none, where one of the ids names nobody."""
    async with reach_users(_found(USERS, data_dir)) as users:
        for user_id in user_ids:
            await users.require(user_id)
    async with reach_timeline(_found(TIMELINE, data_dir)) as timeline:
        for user_id in user_ids:
            await timeline.rebuild_home(user_id)
            click.echo(f"the home timeline of {user_id} is built anew")


async def counts(
    data_dir: Path | None, tweet_ids: Sequence[int], *, reconcile: bool, as_json: bool = False
) -> None:
    """Print the counts of tweets; compare them first with what they count, if that is asked for."""
    async with reach_engagement(_found(ENGAGEMENT, data_dir)) as client:
        drifts = await client.reconcile(tweet_ids) if reconcile else ()
        found = await client.counts(tweet_ids)
    (documents.counts if as_json else show_counts)(found, drifts)


async def search_indexes(data_dir: Path | None, *, as_json: bool = False) -> None:
    """Print how each index is."""
    async with reach_search(_found(SEARCH, data_dir)) as search:
        indexes = await search.indexes()
    (documents.indexes if as_json else show_indexes)(indexes)


async def rebuild_search(data_dir: Path | None) -> None:
    """Ask for the indexes to be built anew."""
    async with reach_search(_found(SEARCH, data_dir)) as search:
        await search.rebuild()
    click.echo("every index is being built anew; `search-indexes` shows how far they are")


def _all() -> list[str]:
    # From what services declare: it must be possible to pause everything while the bus is gone.
    return [each.name for each in all_subscriptions()]


def _found(contract: str, data_dir: Path | None) -> Found:
    return find(server_of(contract).name, data_dir, os.environ)
