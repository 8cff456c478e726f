"""Ids as arguments: what use cases of every service refuse, and in which words."""

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import (
    MAX_LISTED_IDS,
    check_id,
    check_ids,
    check_optional_id,
    listed_ids,
)
from services.platform.ids.model import MAX_ID


@pytest.mark.parametrize("number", [0, -1, MAX_ID + 1])
def test_what_is_no_id_is_refused_with_its_field(number: int) -> None:
    with pytest.raises(InvalidArgumentError, match="user_id: must be a positive id") as refused:
        check_id("user_id", number)
    assert refused.value.field == "user_id"


@pytest.mark.parametrize("number", [1, MAX_ID])
def test_positive_64_bit_ids_pass(number: int) -> None:
    check_id("user_id", number)
    check_ids("user_ids", [number, number], most=2)


def test_zero_stands_for_none_where_an_id_is_optional() -> None:
    check_optional_id("before_tweet_id", 0)
    with pytest.raises(InvalidArgumentError, match="before_tweet_id"):
        check_optional_id("before_tweet_id", -1)


@pytest.mark.parametrize("numbers", [[], [1, 1, 1]])
def test_lists_are_bounded_and_repeats_count(numbers: list[int]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"must be 1 to 2 ids, are {len(numbers)}"):
        check_ids("tweet_ids", numbers, most=2)


def test_one_bad_id_spoils_a_list() -> None:
    with pytest.raises(InvalidArgumentError, match="tweet_ids: must be a positive id"):
        check_ids("tweet_ids", [1, 0], most=2)


def test_a_list_of_ids_is_read_once_each() -> None:
    assert listed_ids("ids", "7") == [7]
    assert listed_ids("ids", f"9,{MAX_ID},9,8") == [9, MAX_ID, 8]
    assert (
        len(listed_ids("ids", ",".join(map(str, range(1, MAX_LISTED_IDS + 1))))) == MAX_LISTED_IDS
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "1,", ",1", "1,,2", "0", "-1", "+1", "01", "1 ", "1\n", "x", "\u0661", "1e3"),
        str(MAX_ID + 1),
        "1" * 20,
        ",".join(["1"] * (MAX_LISTED_IDS + 1)),
    ],
)
def test_what_is_no_list_of_ids_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        listed_ids("ids", text)
    assert caught.value.field == "ids"
