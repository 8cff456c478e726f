"""One mix from end to end."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import click
from tqdm import tqdm

from services.cli.load.access import token_source
from services.cli.load.edge_client import EdgeClient
from services.cli.load.generating import draw_posts, generate_graph, generate_texts
from services.cli.load.handles import new_prefix
from services.cli.load.loader import Loaded, Loader
from services.cli.load.manifest import read_manifest
from services.cli.load.measured import Measured
from services.cli.load.mix_report import as_document, as_table
from services.cli.load.operations import Operation, World, parse_shares
from services.cli.load.playing import Pace, Player
from services.cli.load.progress import Progress
from services.cli.options import echo_json

__all__ = [
    "DEFAULT_FOLLOWS_PER_USER",
    "DEFAULT_TWEETS",
    "DEFAULT_USERS",
    "MixOptions",
    "run",
]

# A world that is made in seconds, and in which homes have full pages.
DEFAULT_USERS = 100
DEFAULT_FOLLOWS_PER_USER = 20
DEFAULT_TWEETS = 500
# Different texts of what is posted; they are drawn again and again.
TEXTS = 1_000
# To make a world with; the mix has its own.
LOADING = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class MixOptions:
    """The options of the command; None where it was left to us."""

    manifest: Path | None
    shares: str
    seconds: float
    warm_up_s: float
    concurrency: int
    rate: float | None
    seed: int
    url: str
    token: str | None
    data_dir: Path
    progress: bool
    as_json: bool


def run(options: MixOptions) -> bool:
    """Play, and print what came of it; gives whether nothing failed. Raises `LoadError`."""
    shares = parse_shares(options.shares)
    measured = Measured()
    try:
        asyncio.run(_play(options, shares, measured))
    finally:
        # Also of what was interrupted.
        if measured.operations:
            _show(options, shares, measured)
    return not measured.all().errors


async def _play(options: MixOptions, shares: Mapping[Operation, float], measured: Measured) -> None:
    rng = random.Random(options.seed)  # noqa: S311 - drawn again from the same seed
    tokens = token_source(options.url, options.token, options.data_dir)
    shown = options.progress or None
    async with EdgeClient(options.url, rng, tokens) as edge:
        await edge.check()
        if options.manifest is None:
            world = await _made(edge, rng, Progress(shown=shown))
        else:
            world = _of_manifest(options.manifest, rng)
            # Another Aviary's users are found out now, and not by a mix of refusals.
            await edge.get(f"/v1/users/{world.users[0]}")
        pace = Pace(
            seconds=options.seconds,
            warm_up_s=options.warm_up_s,
            concurrency=options.concurrency,
            rate=options.rate,
        )
        bar: tqdm[Never] = tqdm(
            total=options.warm_up_s + options.seconds,
            desc="mix",
            bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s",
            # tqdm reads None as: only on a terminal.
            disable=None if shown is None else not shown,
        )
        with bar:
            await Player(edge, world, shares, rng).play(pace, measured, bar)


def _of_manifest(path: Path, rng: random.Random) -> World:
    loaded = read_manifest(path)
    users, tweets = list(loaded.users.values()), sorted(loaded.tweets)
    return World(users, tweets, generate_texts(TEXTS, rng))


async def _made(edge: EdgeClient, rng: random.Random, progress: Progress) -> World:
    graph = generate_graph(DEFAULT_USERS, DEFAULT_FOLLOWS_PER_USER, rng)
    texts = generate_texts(max(TEXTS, DEFAULT_TWEETS), rng)
    loaded = Loaded()
    loader = Loader(edge, progress, loaded, concurrency=LOADING)
    await loader.create_users(list(graph.following), new_prefix(random.SystemRandom()))
    await loader.follow(graph)
    await loader.post(draw_posts(graph, texts[:DEFAULT_TWEETS], rng))
    return World(list(loaded.users.values()), sorted(loaded.tweets), texts)


def _show(options: MixOptions, shares: Mapping[Operation, float], measured: Measured) -> None:
    if options.as_json:
        settings = {
            "shares": shares,
            "concurrency": options.concurrency,
            "rate": options.rate,
            "warm_up_s": options.warm_up_s,
            "seed": options.seed,
        }
        echo_json(as_document(measured, settings))
        return
    for line in as_table(measured):
        click.echo(line)
    if options.rate is not None:
        click.echo(f"sent late by {measured.latest_s * 1e3:,.1f} ms at most")
