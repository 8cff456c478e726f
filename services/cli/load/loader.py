"""The phases of a load: users, follows, tweets."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from services.cli.load.edge_client import EdgeClient
from services.cli.load.errors import LoadError, RefusedError
from services.cli.load.handles import handle_of
from services.cli.load.model import FollowGraph, Post
from services.cli.load.progress import Progress

__all__ = ["Loaded", "Loader", "at_once"]

Item = TypeVar("Item")

# What FollowUsers takes in one call.
FOLLOWEES_PER_CALL = 1_000
# Of a refused text, in characters: enough to find it in its file.
SHOWN_CHARS = 60


@dataclass(slots=True)
class Loaded:
    """What is there so far; after an interrupted load a little more may be."""

    users: dict[int, int] = field(default_factory=dict)
    """Node to user id."""
    tweets: list[tuple[int, int]] = field(default_factory=list)
    """Tweet id and its author's user id, as they were answered."""


class Loader:
    """Loads through the edge, with at most `concurrency` requests under way.

    All methods raise `LoadError` at the first request that fails for good. What was answered is in
    `loaded` at any time.
    """

    def __init__(
        self, edge: EdgeClient, progress: Progress, loaded: Loaded, *, concurrency: int
    ) -> None:
        self._edge = edge
        self._progress = progress
        self._concurrency = concurrency
        self.loaded = loaded

    async def create_users(self, nodes: Sequence[int], prefix: str) -> None:
        """Make a user for each node, with handles that begin with `prefix`."""
        with self._progress.phase("users", len(nodes)) as step:

            async def create(place: tuple[int, int]) -> None:
                index, node = place
                self.loaded.users[node] = await self._user(handle_of(prefix, index), node)
                step.done()

            await at_once(self._concurrency, create, enumerate(nodes))

    async def follow(self, graph: FollowGraph) -> None:
        """Make all follows of the graph, whose users must be there; repeating changes nothing."""
        with self._progress.phase("follows", graph.follow_count) as step:

            async def follow(one: tuple[int, Sequence[int]]) -> None:
                follower, followees = one
                # One after the other: calls about one follower would only wait for each other,
                # and the last of them for longer than the edge does.
                for start in range(0, len(followees), FOLLOWEES_PER_CALL):
                    part = followees[start : start + FOLLOWEES_PER_CALL]
                    await self._follow(follower, part)
                    step.done(len(part))

            await at_once(self._concurrency, follow, graph.following.items())

    async def post(self, posts: Sequence[Post]) -> None:
        """Make the tweets, roughly in order."""
        with self._progress.phase("tweets", len(posts)) as step:

            async def post(one: Post) -> None:
                author = self.loaded.users[one.author]
                self.loaded.tweets.append((await self._tweet(author, one.text), author))
                step.done()

            await at_once(self._concurrency, post, posts)

    async def _user(self, handle: str, node: int) -> int:
        body = {"handle": handle, "display_name": f"Node {node}"}
        try:
            answer = await self._edge.post("/v1/users", body)
        except RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            if error.attempts == 1:
                raise LoadError(f"handle {handle} is taken; choose another --prefix") from error
            # By an earlier try, whose answer was lost.
            answer = await self._edge.get(f"/v1/users/by/handle/{handle}")
        return int(answer["user"]["user_id"])

    async def _follow(self, follower: int, followees: Sequence[int]) -> None:
        users = self.loaded.users
        followee_ids = [users[followee] for followee in followees]
        body = {"follower_id": users[follower], "followee_ids": followee_ids}
        await self._edge.post("/v1/follows", body)

    async def _tweet(self, author: int, text: str) -> int:
        # One for all tries, so that a tweet whose answer was lost is not made twice.
        body = {"user_id": author, "text": text, "request_id": str(uuid.uuid4())}
        try:
            answer = await self._edge.post("/v1/tweets", body)
        except RefusedError as error:
            raise LoadError(f"{error}; its text begins {text[:SHOWN_CHARS]!r}") from error
        return int(answer["tweet_id"])


async def at_once(
    concurrency: int, work: Callable[[Item], Awaitable[None]], items: Iterable[Item]
) -> None:
    """Do `work` on all items, begun in order, at most `concurrency` under way.

    The first failure ends all of it and is raised.
    """
    waiting = iter(items)
    ended = False

    async def worker() -> None:
        for item in waiting:
            # HTTP clients may lose a cancellation: then no more is begun.
            if ended:
                return
            await work(item)

    workers = [asyncio.create_task(worker()) for _ in range(concurrency)]
    try:
        # Not `gather`: cancelled, it would wait for a worker that goes on.
        done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        ended = True
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
