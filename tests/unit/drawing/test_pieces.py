"""What is spliced behind a tweet equals what one gets of the whole message."""

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet
from hypothesis import given
from hypothesis import strategies as st

from services.platform.drawing.pieces import (
    BOOKMARKED,
    LIKED,
    NOBODY,
    RETWEETED,
    UNKNOWN_COUNTS,
    done_of,
    pieces_of,
    without,
)
from services.platform.rpc.json_answers import JsonPieces, json_writer

COUNT = st.integers(min_value=-5, max_value=1 << 40)
DONE = st.integers(min_value=NOBODY, max_value=LIKED + RETWEETED + BOOKMARKED)
WITHHELD = st.integers(min_value=0, max_value=LIKED + RETWEETED + BOOKMARKED)
TWEETS = st.builds(
    Tweet,
    tweet_id=st.integers(min_value=0, max_value=2**63 - 1),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    language=st.none() | st.just("en"),
)
BODIES = JsonPieces(Tweet, 10)
write = json_writer(Tweet.DESCRIPTOR)


def whole(tweet: Tweet, counts: list[int] | None, done: int, withheld: int) -> Tweet:
    """The message that has it all."""
    made = Tweet.FromString(tweet.SerializeToString())
    if counts is not None:
        shown = [min(max(0, count), 2**31 - 1) for count in counts]
        made.like_count, made.retweet_count, made.reply_count, made.quote_count = shown
    if done != NOBODY:
        made.viewer.SetInParent()
        for bit, name in ((LIKED, "liked"), (RETWEETED, "retweeted"), (BOOKMARKED, "bookmarked")):
            if not withheld & bit:
                setattr(made.viewer, name, bool(done & bit))
    return made


@given(
    tweet=TWEETS,
    counts=st.none() | st.lists(COUNT, min_size=4, max_size=4),
    done=DONE,
    withheld=WITHHELD,
)
def test_both_encodings_are_those_of_the_whole_message(
    tweet: Tweet, counts: list[int] | None, done: int, withheld: int
) -> None:
    pieces = UNKNOWN_COUNTS
    if counts is not None:
        likes, retweets, replies, quotes = counts
        pieces = pieces_of(likes=likes, retweets=retweets, replies=replies, quotes=quotes)
    expected, body = whole(tweet, counts, done, withheld), tweet.SerializeToString()
    piece = pieces[without(withheld, done)]
    assert body + piece.encoded == expected.SerializeToString(deterministic=True)
    assert BODIES.open_of(body) + piece.json == write(expected).encode()


def test_pieces_are_made_once() -> None:
    pieces = pieces_of(likes=1, retweets=0, replies=0, quotes=0)
    assert pieces[LIKED] is pieces[LIKED]


@pytest.mark.parametrize(
    ("lists", "done"),
    [
        (([], [], []), {}),
        (([1], [], []), {1: LIKED}),
        (([1, 2], [2], [3, 2]), {1: LIKED, 2: LIKED | RETWEETED | BOOKMARKED, 3: BOOKMARKED}),
    ],
)
def test_what_was_done_is_put_together(lists: tuple[list[int], ...], done: dict[int, int]) -> None:
    assert done_of(*lists) == done
