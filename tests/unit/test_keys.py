"""Keys: what is built parses back, and byte order is the order that scans rely on."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graph import keys as graph_keys
from services.id import keys as id_keys
from services.platform.outbox import keys as outbox_keys
from services.platform.rows import keys as row_keys
from services.timeline import keys as timeline_keys
from services.tweet import keys as tweet_keys

IDS = st.integers(0, (1 << 63) - 1)


def test_the_formats() -> None:
    assert tweet_keys.author_row_key(10, 1) == b"000000000000000a#fffffffffffffffe"
    assert graph_keys.edge_row_key(10, 1) == b"000000000000000a#0000000000000001"
    assert timeline_keys.home_row_key(10, 86_400_000 << 22) == b"000000000000000a#fffffffe"
    assert timeline_keys.home_qualifier(1) == b"\xff" * 7 + b"\xfe"
    assert tweet_keys.tweet_row_key(255)[2:] == b"#00000000000000ff"
    assert row_keys.user_row_key(10) == b"000000000000000a"
    assert id_keys.worker_row_key(10) == b"00a"
    assert row_keys.request_row_key(10, "again") == b"000000000000000a#again"
    assert row_keys.request_row_key("create#ada", "again") == b"create#ada#again"
    assert outbox_keys.outbox_row_key(1 << 63 | 10) == b"0a#800000000000000a"
    assert timeline_keys.home_list_key(7) == b"home:{7}"
    assert timeline_keys.author_list_key(7) == b"author:{7}"
    assert timeline_keys.relations_key(7) == b"rel:{7}"
    assert timeline_keys.tweet_cache_key(7) == b"tweet:7"


@given(owner=IDS, other=IDS)
def test_round_trips(owner: int, other: int) -> None:
    assert tweet_keys.parse_tweet_row_key(tweet_keys.tweet_row_key(other)) == other
    assert tweet_keys.parse_author_row_key(tweet_keys.author_row_key(owner, other)) == (
        owner,
        other,
    )
    edges = [graph_keys.edge_row_key(owner, other), graph_keys.edge_row_key(other, owner)]
    assert graph_keys.parse_others(edges) == (other, owner)
    assert timeline_keys.parse_home_qualifier(timeline_keys.home_qualifier(other)) == other
    assert row_keys.parse_user_row_key(row_keys.user_row_key(owner)) == owner
    assert id_keys.parse_worker_row_key(id_keys.worker_row_key(owner % 1024)) == owner % 1024
    entry = outbox_keys.outbox_row_key(other)
    assert outbox_keys.parse_outbox_row_key(entry) == other
    shard = outbox_keys.outbox_range(other % outbox_keys.OUTBOX_SHARDS)
    assert shard.start <= entry < shard.end
    day = timeline_keys.home_day(other)
    assert timeline_keys.parse_home_row_key(timeline_keys.home_row_key(owner, other)) == (
        owner,
        day,
    )


@given(owner=IDS, other=IDS, bound=IDS)
def test_ranges_select_what_they_say(owner: int, other: int, bound: int) -> None:
    def within(key: bytes, chosen: row_keys.KeyRange) -> bool:
        return chosen.start <= key < chosen.end

    author = tweet_keys.author_row_key(owner, other)
    assert within(author, tweet_keys.author_range(owner))
    assert within(author, tweet_keys.author_range(owner, bound)) == (other < bound)
    assert within(author, tweet_keys.author_range(bound)) == (owner == bound)
    edge = graph_keys.edge_row_key(owner, other)
    assert within(edge, graph_keys.edge_range(owner))
    assert within(edge, graph_keys.edge_range(owner, bound)) == (other > bound)
    rows, columns_from = timeline_keys.home_range(owner, bound)
    selected = (
        within(timeline_keys.home_row_key(owner, other), rows)
        and timeline_keys.home_qualifier(other) >= columns_from
    )
    assert selected == (other < bound)
    assert within(timeline_keys.home_row_key(owner, other), timeline_keys.home_range(owner)[0])


def test_shards_are_even_for_real_snowflakes() -> None:
    counts = Counter(tweet_keys.tweet_shard(millisecond << 22) for millisecond in range(6_400))
    assert set(counts) == set(range(tweet_keys.TWEET_SHARDS))
    assert max(counts.values()) < 200


@pytest.mark.parametrize(
    "parse",
    [
        lambda key: graph_keys.parse_others([graph_keys.edge_row_key(1, 2), key]),
        tweet_keys.parse_author_row_key,
        row_keys.parse_user_row_key,
    ],
)
@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"#",
        b"000000000000000A#0000000000000001",
        b"+00000000000000a#0000000000000001",
        b"000000000000000a#000000000000001",
        b"000000000000000a:0000000000000001",
        b"000000000000000a#000000000000000F",
    ],
)
def test_malformed_keys_are_refused(parse: Callable[[bytes], object], key: bytes) -> None:
    with pytest.raises(ValueError, match="row key"):
        parse(key)


def test_other_malformed_parts_are_refused() -> None:
    wrong_shard = (tweet_keys.tweet_shard(1) + 1) % tweet_keys.TWEET_SHARDS
    with pytest.raises(ValueError, match="shard"):
        tweet_keys.parse_tweet_row_key(b"%02x#%016x" % (wrong_shard, 1))
    with pytest.raises(ValueError, match="8 bytes"):
        timeline_keys.parse_home_qualifier(b"short")
    for number in (-1, 1 << 63):
        with pytest.raises(ValueError, match="not an id"):
            tweet_keys.author_row_key(1, number)
