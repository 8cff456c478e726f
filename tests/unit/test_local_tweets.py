import pytest

from services.timeline.local_tweets import ENTRY_BYTES, LocalTweets
from services.timeline.model import EncodedTweet

BODY = b"body"
SIZE = ENTRY_BYTES + len(BODY)


def tweet(tweet_id: int, body: bytes = BODY) -> EncodedTweet:
    return EncodedTweet(tweet_id, 7, deleted=False, visibility=0, body=body)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def local(clock: Clock) -> LocalTweets:
    local = LocalTweets(generation_s=3, generation_bytes=4 * SIZE, now=clock)
    local.open()
    return local


def kept(local: LocalTweets, *ids: int) -> list[int]:
    found, missing = local.get_many(ids)
    assert sorted([*found, *missing]) == sorted(ids)
    return list(found)


def test_keeps_nothing_until_it_is_open(clock: Clock) -> None:
    local = LocalTweets(now=clock)
    local.put_many([tweet(1)])
    assert kept(local, 1) == []


def test_drops_everything_within_two_generations(local: LocalTweets, clock: Clock) -> None:
    local.put_many([tweet(1)])
    clock.now += 2.9
    local.put_many([tweet(2)])
    clock.now += 0.2
    assert kept(local, 1, 2, 3) == [1, 2]
    clock.now += 3
    assert kept(local, 1, 2) == []


def test_drops_both_generations_after_a_quiet_time(local: LocalTweets, clock: Clock) -> None:
    local.put_many([tweet(1)])
    clock.now += 6
    assert kept(local, 1) == []


def test_the_cache_is_bounded(local: LocalTweets) -> None:
    for tweet_id in range(1, 100):
        local.put_many([tweet(tweet_id)])
    assert len(kept(local, *range(1, 100))) <= 2 * 4


def test_deletions_that_are_heard_while_nobody_reads_are_bounded_too(local: LocalTweets) -> None:
    for tweet_id in range(1, 100):
        local.gone(tweet_id)
    assert len(kept(local, *range(1, 100))) <= 2 * (4 + 1)


def test_a_few_long_tweets_fill_it_as_many_short_ones_do(local: LocalTweets) -> None:
    for tweet_id in range(1, 10):
        local.put_many([tweet(tweet_id, bytes(4 * SIZE))])
    assert len(kept(local, *range(1, 10))) <= 2


def test_a_tombstone_outlives_reads_that_began_before_it(local: LocalTweets, clock: Clock) -> None:
    local.put_many([tweet(1)])
    local.gone(1)
    for _ in range(2):
        local.put_many([tweet(1)])
        (found,) = local.get_many([1])[0].values()
        assert found.deleted
        clock.now += 2.9


def test_forgets_all_when_closed(local: LocalTweets) -> None:
    local.put_many([tweet(1)])
    local.close()
    assert kept(local, 1) == []
    local.put_many([tweet(1)])
    assert kept(local, 1) == []


@pytest.mark.parametrize("quiet", [False, True])
def test_what_was_read_before_a_tombstone_was_dropped_is_not_kept(
    local: LocalTweets, clock: Clock, *, quiet: bool
) -> None:
    began = local.turns
    local.gone(1)
    clock.now += 3
    local.put_many([tweet(1), tweet(2)], began)
    assert local.get_many([1])[0][1].deleted, "the tombstone is still there"
    assert kept(local, 2) == [2]
    clock.now += 6 if quiet else 3
    local.put_many([tweet(1), tweet(3)], began)
    assert kept(local, 1, 3) == []
    local.put_many([tweet(3)], local.turns)
    assert kept(local, 3) == [3]


@pytest.mark.parametrize("was_open", [False, True])
def test_what_was_read_before_deletions_were_heard_again_is_not_kept(
    local: LocalTweets, *, was_open: bool
) -> None:
    if not was_open:
        local.close()
    began = local.turns
    # In between a deletion may have been missed.
    local.close()
    local.open()
    local.put_many([tweet(1)], began)
    assert kept(local, 1) == []
    local.put_many([tweet(1)], local.turns)
    assert kept(local, 1) == [1]
