"""The hot layer alone: pushes into the lists of those who read, by the code that the worker has."""

import asyncio
import time

from bench.context import Bench
from bench.measuring import median
from bench.results import Figure, Result
from services.platform.ids.snowflake_time import first_id_at
from services.platform.valkey.connection import open_valkey
from services.timeline.hot_lists import HotLists
from services.timeline.keys import home_list_key

__all__ = ["NAME", "TITLE", "run"]

NAME = "fanout-hot"
TITLE = "Fan-out into hot timelines alone"
PAGE = 1_000
"""Lists of one call."""
TIMEOUT_S = 30.0
MS_PER_S = 1_000


def run(bench: Bench) -> Result:
    """Push ids of no tweets; what was pushed is flushed at the end, and read anew."""
    try:
        rates = asyncio.run(_rates(bench))
    finally:
        with bench.aviary.cache() as cache:
            cache.flushall()
        bench.world.read(bench.viewers)
    figure = Figure("deliveries of one caller", median(rates), "/s", target=150_000.0)
    return Result(NAME, TITLE, [figure])


async def _rates(bench: Bench) -> list[float]:
    client = open_valkey(bench.aviary.cache_url(), timeout_s=TIMEOUT_S)
    lists = HotLists(client)
    keys = [home_list_key(viewer) for viewer in bench.viewers][:PAGE]
    tweet = first_id_at(int(time.time() * MS_PER_S))
    rates = []
    try:
        for _ in range(bench.options.rounds):
            pushed, began = 0, time.perf_counter()
            while time.perf_counter() - began < bench.options.seconds:
                tweet += 1
                pushed += await lists.push(keys, tweet)
            rates.append(pushed / (time.perf_counter() - began))
    finally:
        await client.aclose()
    return rates
