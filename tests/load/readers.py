"""Readers of home timelines, many at a time."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import click

from services.cli.load.edge_client import EdgeClient
from services.cli.load.loader import at_once
from services.cli.load.progress import Progress
from tests.load.model import Homes

# Pages of 200 tweets are 60 kB of JSON, which keeps even few readers busy.
READERS = 8
PAGE = 200
# A home that differs is looked at again until then: reads refresh some caches in the background.
SETTLE_WITHIN_S = 30.0
POLL_S = 0.5
SHOWN_HOMES = 5


class Readers:
    """`users` is node to user id, and may still grow."""

    def __init__(self, edge: EdgeClient, progress: Progress, users: Mapping[int, int]) -> None:
        self._edge = edge
        self._progress = progress
        self._users = users

    async def read(self, phase: str, nodes: Sequence[int]) -> None:
        """Read one page each."""
        with self._progress.phase(phase, len(nodes)) as step:

            async def read(node: int) -> None:
                await self._edge.get("/v1/timeline/home", {"user_id": self._users[node]})
                step.done()

            await at_once(READERS, read, nodes)

    async def verify(self, phase: str, nodes: Sequence[int], homes: Homes) -> bool:
        """Read homes to their ends and say whether all equal the model's."""
        differing: dict[int, str] = {}
        shown = 0
        with self._progress.phase(phase, len(nodes)) as step:

            async def verify(node: int) -> None:
                nonlocal shown
                got, want = await self._home(node), homes.of(node)
                shown += len(got)
                if got != want:
                    differing[node] = _difference(got, want)
                step.done()

            await at_once(READERS, verify, nodes)
        wrong = await self._settle(list(differing), homes)
        click.echo(
            f"{shown:,} tweets in {len(nodes):,} homes; "
            f"{len(differing) - len(wrong)} right at a second look only, {len(wrong)} wrong"
        )
        for node in list(differing)[:SHOWN_HOMES]:
            click.echo(f"  at first, node {node} {differing[node]}")
        return not wrong

    async def _settle(self, differing: list[int], homes: Homes) -> list[int]:
        deadline = time.monotonic() + SETTLE_WITHIN_S
        while differing and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            differing = [node for node in differing if await self._home(node) != homes.of(node)]
        return differing

    async def _home(self, node: int) -> list[int]:
        ids: list[int] = []
        query: dict[str, str | int] = {"user_id": self._users[node], "limit": PAGE}
        while True:
            page = await self._edge.get("/v1/timeline/home", query)
            ids += [int(tweet["tweet_id"]) for tweet in page["tweets"]]
            if "next_cursor" not in page:
                return ids
            assert len(page["tweets"]) == PAGE, "a page is full as long as older tweets exist"
            query["cursor"] = page["next_cursor"]


def _difference(got: list[int], want: list[int]) -> str:
    lacks, extra = set(want) - set(got), set(got) - set(want)
    order = "" if got == sorted(set(got), reverse=True) else ", and is out of order or has doubles"
    return f"lacked {len(lacks)} of {len(want)}, had {len(extra)} too many{order}"
