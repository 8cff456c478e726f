"""The people, follows and tweets that all scenarios share, and those that some add."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bench.aviary import Aviary
from services.cli.load.edge_client import EdgeClient
from services.cli.load.handles import handle_of, new_prefix
from services.cli.load.loader import Loaded, Loader, at_once
from services.cli.load.model import FollowGraph, Post
from services.cli.load.progress import Progress

__all__ = ["Person", "World"]

CONCURRENCY = 16
FOLLOWEES_PER_CALL = 1_000
SEED = 11

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Person:
    """An account."""

    user_id: int
    handle: str


@dataclass(slots=True)
class World:
    """What an Aviary has been filled with, through its edge, by the operator's token."""

    aviary: Aviary
    graph: FollowGraph
    posts: Sequence[Post]
    progress: Progress
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - seeded
    users: list[int] = field(default_factory=list)
    """Those of the graph."""
    following: dict[int, list[int]] = field(default_factory=dict)
    """Whom everybody follows, those of the scenarios included; by user id."""
    tweets: list[tuple[int, int, str]] = field(default_factory=list)
    """Tweet, author's user id and text of what the world itself has posted."""

    @property
    def texts(self) -> Sequence[str]:
        """Texts of tweets."""
        return [post.text for post in self.posts]

    def load(self) -> None:
        """Make everybody of the graph, their follows and tweets; wait until all is delivered."""
        asyncio.run(self._load())
        self.aviary.drain()

    def people(self, count: int) -> list[Person]:
        """Make accounts beside those of the graph, whom nobody follows."""
        prefix = new_prefix(self.rng)
        handles = [handle_of(prefix, index) for index in range(count)]
        found: dict[str, int] = {}

        async def create(edge: EdgeClient, handle: str) -> None:
            answer = await edge.post("/v1/users", {"handle": handle, "display_name": handle})
            found[handle] = int(answer["user"]["user_id"])

        self._each("people", create, handles)
        return [Person(found[handle], handle) for handle in handles]

    def follow(self, follows: Mapping[int, Sequence[int]]) -> None:
        """Let each follow many; wait until timelines have what is due to that."""

        async def follow(edge: EdgeClient, one: tuple[int, Sequence[int]]) -> None:
            follower, followees = one
            for start in range(0, len(followees), FOLLOWEES_PER_CALL):
                part = [str(followee) for followee in followees[start : start + FOLLOWEES_PER_CALL]]
                body = {"follower_id": str(follower), "followee_ids": part}
                await edge.post("/v1/follows", body)

        self._each("follows", follow, list(follows.items()))
        for follower, followees in follows.items():
            self.following.setdefault(follower, []).extend(followees)
        self.aviary.drain()

    def post(self, posts: Iterable[tuple[int, str]], *, drain: bool = True) -> None:
        """Post tweets of these authors; unless told otherwise, wait until they are delivered."""

        async def post(edge: EdgeClient, one: tuple[int, str]) -> None:
            author, text = one
            answer = await edge.post("/v1/tweets", {"user_id": str(author), "text": text})
            self.tweets.append((int(answer["tweet_id"]), author, text))

        self._each("tweets", post, list(posts))
        if drain:
            self.aviary.drain()

    def write_histories(self, authors: Sequence[int], each: int) -> None:
        """Post until each author has so many tweets; wait until they are delivered."""
        had = Counter(author for _, author, _ in self.tweets)
        missing = [author for author in authors for _ in range(each - had[author])]
        self.post(zip(missing, itertools.cycle(self.texts), strict=False))

    def read(self, viewers: Sequence[int], *, at_once: int = CONCURRENCY) -> None:
        """Let each read their home: from then on they are active, and their timelines hot."""

        async def read(edge: EdgeClient, viewer: int) -> None:
            await edge.get("/v1/timeline/home", {"user_id": str(viewer)})

        self._each("reads", read, viewers, at_once)

    def _each(
        self,
        phase: str,
        work: Callable[[EdgeClient, Item], Awaitable[None]],
        items: Sequence[Item],
        concurrency: int = CONCURRENCY,
    ) -> None:
        async def run() -> None:
            async with self._edge() as edge:
                with self.progress.phase(phase, len(items)) as step:

                    async def one(item: Item) -> None:
                        await work(edge, item)
                        step.done()

                    await at_once(concurrency, one, items)

        asyncio.run(run())

    async def _load(self) -> None:
        loaded = Loaded()
        async with self._edge() as edge:
            loader = Loader(edge, self.progress, loaded, concurrency=CONCURRENCY)
            await loader.create_users(list(self.graph.following), new_prefix(self.rng))
            await loader.follow(self.graph)
            await loader.post(self.posts)
        self.users = list(loaded.users.values())
        for node, followees in self.graph.following.items():
            self.following[loaded.users[node]] = [loaded.users[one] for one in followees]
        texts: dict[int, list[str]] = {user: [] for user in self.users}
        for post in self.posts:
            texts[loaded.users[post.author]].append(post.text)
        # Which of an author's tweets has which of their texts does not matter here.
        self.tweets = [(tweet, author, texts[author].pop()) for tweet, author in loaded.tweets]

    def _edge(self) -> EdgeClient:
        return EdgeClient(self.aviary.url, self.rng, self.aviary.token)
