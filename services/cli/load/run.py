"""One load from end to end."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import click

from services.cli.load.access import token_source
from services.cli.load.edge_client import EdgeClient
from services.cli.load.generating import draw_posts, generate_graph, generate_texts
from services.cli.load.handles import check_prefix, new_prefix
from services.cli.load.loader import Loaded, Loader
from services.cli.load.manifest import write_manifest
from services.cli.load.model import FollowGraph, Post, Texts
from services.cli.load.options import (
    DEFAULT_FOLLOWS_PER_USER,
    DEFAULT_TWEETS,
    DEFAULT_USERS,
    Options,
)
from services.cli.load.progress import Progress
from services.cli.load.reading import read_graph, read_texts

__all__ = ["run"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that is drawn and read before the first request."""

    graph: FollowGraph
    posts: Sequence[Post]
    too_long: int
    """Texts that were left out."""
    prefix: str


def run(options: Options) -> None:
    """Load, write the manifest, print a summary. `LoadError` when it cannot be done in full."""
    plan = _plan(options)
    loaded = Loaded()
    progress = Progress(shown=options.progress or None)
    if options.manifest is not None:
        # A path that cannot be written is found out now, not after the work.
        write_manifest(options.manifest, loaded, complete=False)
    complete = False
    try:
        asyncio.run(_load(options, plan, progress, loaded))
        complete = True
    finally:
        if options.manifest is not None:
            write_manifest(options.manifest, loaded, complete=complete)
        for phase in progress.phases:
            click.echo(str(phase))
        if plan.too_long:
            click.echo(f"skipped  {plan.too_long:>11,} texts that are too long for a tweet")


async def _load(options: Options, plan: _Plan, progress: Progress, loaded: Loaded) -> None:
    jitter = random.Random()  # noqa: S311 - guards nothing
    tokens = token_source(options.url, options.token, options.data_dir)
    async with EdgeClient(options.url, jitter, tokens) as edge:
        await edge.check()
        loader = Loader(edge, progress, loaded, concurrency=options.concurrency)
        try:
            await loader.create_users(list(plan.graph.following), plan.prefix)
            await loader.follow(plan.graph)
            await loader.post(plan.posts)
        finally:
            if edge.retried:
                click.echo(f"retried  {edge.retried:>11,} requests")


def _plan(options: Options) -> _Plan:
    rng = random.Random(options.seed)  # noqa: S311 - drawn again from the same seed
    graph = _graph(options, rng)
    texts = _texts(options, rng)
    prefix = options.prefix
    if prefix is None:
        # Not of the seed: the same load made twice must not clash with itself.
        prefix = new_prefix(random.SystemRandom())
    check_prefix(prefix, len(graph.following))
    return _Plan(graph, draw_posts(graph, texts.texts, rng), texts.too_long, prefix)


def _graph(options: Options, rng: random.Random) -> FollowGraph:
    if options.edges is not None:
        return read_graph(options.edges, directed=options.directed)
    users = DEFAULT_USERS if options.users is None else options.users
    each = options.follows_per_user
    return generate_graph(users, DEFAULT_FOLLOWS_PER_USER if each is None else each, rng)


def _texts(options: Options, rng: random.Random) -> Texts:
    if options.tweets is not None:
        return read_texts(options.tweets, options.limit)
    limit = options.limit
    return Texts(generate_texts(DEFAULT_TWEETS if limit is None else limit, rng))
