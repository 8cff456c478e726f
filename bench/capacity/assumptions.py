"""What the model takes for given: the scale, how full things may be, and prices.

Each number has its unit in its name or beside it, and its reason. `--set NAME=VALUE` changes any.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from bench.errors import BenchError

__all__ = ["SEED", "Assumptions", "Prices", "Scale", "change"]

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Scale:
    """How many do how much."""

    daily_users: float = 100e6
    tweets_per_day: float = 300e6
    home_reads_per_day: float = 50e9
    followings: float = 200.0
    """Mean; and so the mean number of followers."""
    follows_per_day: float = 100e6
    """One a user and day: not given, and small beside reads."""
    peak: float = 10.0
    """Times the mean, of everything."""
    regional_peak_reads: float = 5e6
    """Home reads a second that one region may get in an event, of 3 to 5 million."""

    def times(self, share: float) -> "Scale":
        """The same with fewer people, who do as much each."""
        return replace(
            self,
            daily_users=self.daily_users * share,
            tweets_per_day=self.tweets_per_day * share,
            home_reads_per_day=self.home_reads_per_day * share,
            follows_per_day=self.follows_per_day * share,
            regional_peak_reads=self.regional_peak_reads * share,
        )


SEED: Final = Scale()


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How things are built and filled."""

    serving_regions: float = 1.0
    """Regions that serve: with two, each cache would hear of half the tweets."""
    clusters: float = 2.0
    """Bigtable clusters that hold all rows: one serves, one stands by, each takes all writes."""
    utilisation: float = 0.6
    """Of a pod's CPU: the autoscaler's target, and what is left when one zone of three is lost."""
    pod_vcpu: float = 1.0
    """A Python process computes on one core."""
    edge_vcpu: float = 4.0
    """An Envoy computes on as many threads."""
    cold_share: float = 0.01
    """Of home reads: lists live for three days, so who comes daily is warm."""
    hot_entries: float = 800.0
    """Ids of a hot list: its full length."""
    hot_users: float = 1.5
    """Users with a hot list for each daily user: lists live for three days."""
    cached_tweets_days: float = 1.0
    """Tweets in the cache: its time to live."""
    tweet_bytes: float = 1_000.0
    """A row, as the seed reckons it."""
    copies: float = 3.0
    """Of each tweet, as the seed reckons storage; Bigtable makes them itself."""
    tweets_kept_days: float = 365.0
    """Tweets are kept until they are deleted; a year's are paid for here."""
    timelines_kept_days: float = 30.0
    """Retention of stored timelines."""
    rows_per_post: float = 4.0
    """Tweet, outbox, the author's line, and the outbox entry's deletion."""
    rows_per_cold_read: float = 8.0
    """State, days of the timeline, relations, the viewer's own tweets, and tweets not cached."""
    rows_per_follow: float = 4.0
    """Both directions, count, outbox."""
    bigtable_writes: float = 14_000.0
    """Rows of 1 KB a second and SSD node: Google, "Understand performance"."""
    bigtable_reads: float = 17_000.0
    """Likewise."""
    bigtable_scan_bytes: float = 220e6
    """A second and node, likewise."""
    bigtable_utilisation: float = 0.6
    """The autoscaler's CPU target in `modules/bigtable`."""
    bigtable_node_bytes: float = 3.5e12
    """70% of the 5 TB that an SSD node holds: Google's advice where latency matters."""
    valkey_node_bytes: float = 10.4e9
    """Writable of a HIGHMEM_MEDIUM: Google's node specification."""
    valkey_cores: float = 1.0
    """Of a node's two: commands run on one thread."""
    valkey_utilisation: float = 0.7
    """Of that thread: above it pushes of a burst make readers wait."""
    valkey_replicas: float = 1.0
    """Of each shard, which serve after a failure and not before."""
    valkey_most_nodes: float = 250.0
    """Of one Memorystore cluster, as Google bounds it; more are warned of."""
    celebrity_refreshes: float = 4.0
    """Times a second that each timeline process reads the list of celebrities: `REFRESH_S`."""
    celebrity_row_us: float = 5.0
    """CPU to read one row of it, not measured: taken for as much as to write one of a bulk."""
    celebrity_row_bytes: float = 100.0
    """Of one row of it."""
    kept_lists: float = 3_125.0
    """Celebrities' lists that a timeline process keeps: `ALL_IDS` / `COPY_IDS`."""
    list_read_us: float = 20.0
    """CPU of a timeline process to read a list that it does not keep, not measured: a fifth of what
    one script takes, as one has many lists."""
    page: float = 1_000.0
    """Followers that one fan-out job writes."""
    autoscaling_s: float = 120.0
    """From a surge to the first new pods that work: scrape, decision, node, start."""
    peak_hours: float = 30.0
    """Hours a month at the peak; the other hours are at the mean."""
    page_bytes: float = 3_300.0
    """A home page on the wire: 13 KB of JSON, a quarter of it when compressed."""
    subscriptions: float = 6.0
    """Each gets every tweet's event, of a tweet's size."""
    power: float = 2.276
    """Exponent of the tail of follower counts: Kwak et al., WWW 2010, figure 1."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars: Google's list prices in the US, of 2025 and not looked up since. Set yours."""

    as_of: str = "2025, list prices without discounts, to be replaced by yours"
    vcpu_hour: float = 0.04
    """With 1 to 4 GB of memory: between C3 highcpu and N2 standard."""
    valkey_node_hour: float = 0.16
    """HIGHMEM_MEDIUM."""
    bigtable_node_hour: float = 0.65
    bigtable_gb_month: float = 0.17
    """SSD."""
    pubsub_tb: float = 40.0
    """Published or delivered."""
    egress_gb: float = 0.08
    """To the internet; large customers pay a fraction of it."""
    hours: float = 730.0
    """In a month."""


Given = TypeVar("Given", Scale, Assumptions, Prices)


def change(of: Given, changes: Sequence[tuple[str, float]]) -> Given:
    """Apply those changes that name a field of `of`. Raises `BenchError` for what is below 0."""
    names = {field.name for field in fields(of)} - {"as_of"}
    for name, value in changes:
        if value < 0:
            raise BenchError(f"{name} is {value}, wanted 0 or more")
    known: dict[str, Any] = {name: value for name, value in changes if name in names}
    return replace(of, **known)
