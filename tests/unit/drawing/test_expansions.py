"""Which expansions there are."""

import pytest

from services.platform.drawing.expansions import DEFAULT, Expansion, read_expansions
from services.platform.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", DEFAULT),
        ("author_id", {Expansion.AUTHOR}),
        ("quote_tweet_id,author_id", {Expansion.AUTHOR, Expansion.QUOTED}),
        ("entities.mentions,author_id,in_reply_to_tweet_id,quote_tweet_id", set(Expansion)),
    ],
)
def test_names_are_read(text: str, expected: set[Expansion]) -> None:
    assert read_expansions(text) == expected


@pytest.mark.parametrize(
    "text",
    ["author", "author_id,", ",", " author_id", "author_id," * 4 + "author_id", "AUTHOR_ID", "é"],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="expansions"):
        read_expansions(text)
