"""How long a tweet is still shown after its author asked for its deletion, wherever it was read."""

import time
from collections.abc import Mapping

import httpx

from bench.context import Bench
from bench.errors import BenchError
from bench.load.plan import source_address
from bench.load.run import Latencies
from bench.measuring import median
from bench.results import Better, Figure, Result

__all__ = ["NAME", "TITLE", "run"]

NAME = "deletion"
TITLE = "From the deletion until nobody is shown the tweet"
FOLLOWERS = 20
SHOWN_WITHIN_S = 60.0
GONE_WITHIN_S = 30.0
MS = 1e3
TARGET_S = 1.0
LEAST_PROBES = 100
"""A p99 of fewer is a maximum."""

_Read = tuple[str, Mapping[str, str]]


def run(bench: Bench) -> Result:
    """Post, read it everywhere so that all caches have it, delete it, and read until it is gone."""
    world = bench.world
    (author,) = (one.user_id for one in world.people(1))
    followers = list(bench.viewers)[:FOLLOWERS]
    world.follow({follower: [author] for follower in followers})
    headers = {"authorization": f"Bearer {bench.aviary.token()}"}
    # Not from where all tokens are fetched: so many of them have made that address suspect.
    own = httpx.HTTPTransport(local_address=source_address(0))
    with httpx.Client(base_url=bench.aviary.url, headers=headers, transport=own) as client:
        probe = _Probe(client, author, followers)
        probe.way(0)  # warms up
        ways = [probe.way(number + 1) for number in range(bench.options.probes)]
    p99 = Latencies(sorted(ways)).percentile(0.99)
    whole = len(ways) >= LEAST_PROBES
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                f"until the last read shows it no more, p99 of {len(ways)}",
                p99,
                "s",
                Better.LOWER,
                TARGET_S,
                whole,
            ),
            Figure("the same, median", median(ways) * MS, "ms", Better.LOWER),
        ],
        notes=[
            "Reads: by id, the author's timeline, the homes of followers, a search for its text.",
            "Each is repeated until it lacks the tweet; all had shown it just before.",
        ],
    )


class _Probe:
    def __init__(self, client: httpx.Client, author: int, followers: list[int]) -> None:
        self._client = client
        self._author = author
        self._followers = followers

    def way(self, number: int) -> float:
        """Give the seconds from the request to delete a tweet until no read shows it."""
        word = f"vanishing{self._author}x{number}"
        body = {"user_id": str(self._author), "text": word}
        tweet = self._client.post("/v1/tweets", json=body).raise_for_status().json()["tweet_id"]
        reads = self._reads(tweet, word)
        self._until(tweet, reads, shown=True, within_s=SHOWN_WITHIN_S)
        began = time.perf_counter()
        query = {"user_id": str(self._author)}
        self._client.delete(f"/v1/tweets/{tweet}", params=query).raise_for_status()
        self._until(tweet, reads, shown=False, within_s=GONE_WITHIN_S)
        return time.perf_counter() - began

    def _reads(self, tweet: str, word: str) -> list[_Read]:
        homes = [("/v1/timeline/home", {"user_id": str(one)}) for one in self._followers]
        return [
            (f"/v1/tweets/{tweet}", {}),
            ("/v1/timeline/user", {"user_id": str(self._author)}),
            *homes,
            ("/v1/search", {"user_id": str(self._author), "query": word}),
        ]

    def _until(self, tweet: str, reads: list[_Read], *, shown: bool, within_s: float) -> None:
        deadline = time.perf_counter() + within_s
        for path, query in reads:
            while self._shows(tweet, path, query) is not shown:
                if time.perf_counter() > deadline:
                    said = "never shows" if shown else "still shows"
                    raise BenchError(f"{path} {said} tweet {tweet}")

    def _shows(self, tweet: str, path: str, query: Mapping[str, str]) -> bool:
        answer = self._client.get(path, params=query)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        page = answer.raise_for_status().json()
        tweets = page["tweets"] if "tweets" in page else [page["tweet"]]
        return any(each["tweet_id"] == tweet for each in tweets)
