"""The oracle on real graphs: load one into a fresh mesh, then hold every home to the model.

Run by `make oracle-data EDGES=... TWEETS=...`. Half of the viewers read before there are tweets,
some follows come between two halves of the tweets, so that there is something to push, to backfill
and to merge:

    users, most follows, half of the viewers read, half of the tweets, the other follows,
    the other tweets, drain, read all, FLUSHALL, read all (or a share)
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from bench.costs import cpu_seconds, spent
from services.cli.load.access import token_source
from services.cli.load.edge_client import EdgeClient
from services.cli.load.errors import LoadError
from services.cli.load.generating import draw_posts
from services.cli.load.handles import new_prefix
from services.cli.load.loader import Loaded, Loader
from services.cli.load.model import FollowGraph, Post
from services.cli.load.progress import Progress
from services.cli.load.reading import read_graph, read_texts
from tests.e2e.conftest import Mesh, start, stop
from tests.load.drain import drain
from tests.load.model import Homes
from tests.load.readers import Readers

SEED = 7
LATE_SHARE = 0.25
HALF = 0.5
CONCURRENCY = 32


class Oracle:
    """One run on one mesh."""

    def __init__(self, mesh: Mesh, edge: EdgeClient, graph: FollowGraph) -> None:
        self._mesh = mesh
        self._graph = graph
        self._nodes = list(graph.following)
        self._progress = Progress()
        self._loaded = Loaded()
        self._loader = Loader(edge, self._progress, self._loaded, concurrency=CONCURRENCY)
        self._readers = Readers(edge, self._progress, self._loaded.users)
        self._rng = random.Random(SEED)  # noqa: S311 - a seeded walk

    async def run(self, texts: tuple[str, ...], threshold: int, cold_share: float) -> bool:
        """Load and verify; say whether every home read was right, both times."""
        await self._load(draw_posts(self._graph, texts, self._rng))
        with self._reported():
            await drain(self._mesh, self._progress)
        homes = Homes(self._graph, self._loaded.users, self._loaded.tweets)
        _describe(self._graph, homes, threshold)
        with self._reported():
            right = await self._readers.verify("verify", self._nodes, homes)
        with self._mesh.valkey("cache") as cache:
            cache.flushall()
        cold = self._rng.sample(self._nodes, round(len(self._nodes) * cold_share))
        with self._reported():
            return await self._readers.verify("cold", cold, homes) and right

    async def _load(self, posts: Sequence[Post]) -> None:
        first, late = _split(self._graph, self._rng)
        middle = len(posts) // 2
        with self._reported():
            await self._loader.create_users(self._nodes, new_prefix(self._rng))
        with self._reported():
            await self._loader.follow(first)
        with self._reported():
            await self._readers.read("reads", self._rng.sample(self._nodes, len(self._nodes) // 2))
        with self._reported():
            await self._loader.post(posts[:middle])
        with self._reported():
            await self._loader.follow(late)
        with self._reported():
            await self._loader.post(posts[middle:])

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Print the figures of one phase, with the CPU time that each process took for it."""
        before = cpu_seconds(self._mesh.process.pid)
        yield
        after = cpu_seconds(self._mesh.process.pid)
        took = spent(before, after)
        largest = sorted(took, key=lambda name: -took[name])
        cpu = ", ".join(f"{name} {took[name]:.0f}" for name in largest if took[name] >= 1)
        click.echo(f"{self._progress.phases[-1]}   CPU s: {cpu}")


def _split(graph: FollowGraph, rng: random.Random) -> tuple[FollowGraph, FollowGraph]:
    """Put off half of the follows of a quarter of the users."""
    first: list[tuple[int, int]] = []
    late: list[tuple[int, int]] = []
    for follower, followees in graph.following.items():
        is_late = rng.random() < LATE_SHARE
        for followee in followees:
            (late if is_late and rng.random() < HALF else first).append((follower, followee))
    return FollowGraph.of(graph.following, first), FollowGraph.of(graph.following, late)


def _describe(graph: FollowGraph, homes: Homes, threshold: int) -> None:
    celebrities = homes.authors_above(threshold)
    holding = sum(
        node in celebrities or not celebrities.isdisjoint(followees)
        for node, followees in graph.following.items()
    )
    click.echo(
        f"{len(celebrities):,} authors have more than {threshold:,} followers; "
        f"{holding:,} of {len(graph.following):,} homes hold tweets of theirs"
    )


@click.command()
@click.option("--edges", type=click.Path(path_type=Path), required=True)
@click.option("--tweets", type=click.Path(path_type=Path), required=True)
@click.option("--limit", type=int, default=5_000, show_default=True)
@click.option("--threshold", type=int, default=200, show_default=True)
@click.option(
    "--cold-share", type=float, default=1.0, show_default=True, help="Read after FLUSHALL."
)
def main(edges: Path, tweets: Path, limit: int, threshold: int, cold_share: float) -> None:
    """Load a graph and tweets into a fresh mesh, and hold every home timeline to the model."""
    try:
        graph = read_graph(edges, directed=False)
        texts = read_texts(tweets, limit).texts
    except LoadError as error:
        raise click.ClickException(str(error)) from error
    with tempfile.TemporaryDirectory() as folder:
        mesh = start(Path(folder) / "data", AVIARY_CELEBRITY_THRESHOLD=str(threshold))
        try:
            right = asyncio.run(_run(mesh, graph, texts, threshold, cold_share))
        finally:
            code = stop(mesh)
    click.echo("every home is right" if right else "SOME HOMES ARE WRONG")
    sys.exit(not right or code)


async def _run(
    mesh: Mesh, graph: FollowGraph, texts: tuple[str, ...], threshold: int, cold_share: float
) -> bool:
    jitter = random.Random()  # noqa: S311 - guards nothing
    url = str(mesh.rest.base_url)
    async with EdgeClient(url, jitter, token_source(url, None, mesh.data_dir)) as edge:
        right = await Oracle(mesh, edge, graph).run(texts, threshold, cold_share)
        click.echo(f"{edge.retried:,} requests retried")
        return right


if __name__ == "__main__":
    main()
