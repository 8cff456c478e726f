"""What a timeline's entry takes in memory and on disk, and what Aviary takes when idle."""

import sqlite3
from pathlib import Path

from bench.context import Bench
from bench.results import Better, Figure, Result
from services.timeline.keys import home_list_key

__all__ = ["NAME", "TITLE", "run"]

NAME = "footprint"
TITLE = "Memory and disk for an entry, memory and CPU of idle processes"
TWEETS = 100
LONG = 200
"""Entries of a list that is long enough for its key not to count."""
MB = 1e6


def run(bench: Bench) -> Result:
    """Weigh what is there, and what more entries add."""
    world = bench.world
    (author,) = world.people(1)
    world.follow({viewer: [author.user_id] for viewer in bench.viewers})
    world.read(bench.viewers)
    rows = bench.aviary.data_dir / "timeline.db"
    before = _used_bytes(rows)
    texts = world.texts
    world.post([(author.user_id, texts[place % len(texts)]) for place in range(TWEETS)])
    stored = (_used_bytes(rows) - before) / (TWEETS * len(bench.viewers))
    memory = bench.aviary.memory()
    services = {name: size for name, size in memory.items() if not name.startswith("valkey")}
    worst = max(services, key=lambda name: services[name])
    return Result(
        NAME,
        TITLE,
        [
            Figure("hot entry", _hot_entry(bench), "bytes", Better.LOWER, 12.0),
            Figure("stored entry", stored, "bytes", Better.LOWER, 60.0),
            Figure("idle CPU", 100 * sum(bench.idle.values()), "% of a core", Better.LOWER, 3.0),
            Figure(f"largest process: {worst}", services[worst] / MB, "MB", Better.LOWER, 150.0),
            Figure("all processes", sum(memory.values()) / MB, "MB", Better.LOWER),
            *(
                Figure(f"{name}", size / MB, "MB", Better.LOWER)
                for name, size in sorted(memory.items(), key=lambda item: -item[1])
            ),
        ],
    )


def _hot_entry(bench: Bench) -> float:
    """Give bytes of memory for an entry of hot timelines, keys and all."""
    with bench.aviary.cache() as cache, cache.pipeline(transaction=False) as pipeline:
        keys = [home_list_key(viewer) for viewer in bench.viewers]
        for key in keys:
            pipeline.llen(key)
            pipeline.memory_usage(key, samples=0)
        found = pipeline.execute()
    pairs = [(count, size) for count, size in zip(found[::2], found[1::2], strict=True) if count]
    chosen = [pair for pair in pairs if pair[0] >= LONG] or pairs
    entries: int = sum(count for count, _ in chosen)
    bytes_: int = sum(size for _, size in chosen)
    return bytes_ / entries


def _used_bytes(path: Path) -> int:
    """Give the bytes of a database's pages that are in use, those in its log included."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        each = [
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        ]
    finally:
        connection.close()
    pages, free, size = each
    return (pages - free) * size
