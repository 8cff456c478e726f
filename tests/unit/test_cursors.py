"""Cursors: a round trip for the owner, an error for everyone and everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.rpc.paging import CursorCodec, Position

CODEC = CursorCodec(lambda: [b"k" * 32])
IDS = st.integers(0, (1 << 63) - 1)


@given(kind=st.sampled_from(["home", "author"]), owner=IDS, last=IDS)
def test_round_trip(kind: str, owner: int, last: int) -> None:
    cursor = CODEC.encode(kind, owner, last)
    assert CODEC.decode(cursor, kind, owner) == last
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(owner=IDS, last=IDS, first=IDS)
def test_a_second_id_goes_with_it(owner: int, last: int, first: int) -> None:
    cursor = CODEC.encode("home", owner, last, first)
    assert CODEC.decode_range(cursor, "home", owner) == (last, first)
    assert CODEC.decode(cursor, "home", owner) == last
    assert (cursor == CODEC.encode("home", owner, last)) == (first == 0)


@pytest.mark.parametrize("first", [0, 9])
def test_a_foreign_cursor_is_invalid(first: int) -> None:
    cursor = CODEC.encode("home", 1, 5, first)
    for codec, kind, owner in (
        (CODEC, "home", 2),
        (CODEC, "author", 1),
        (CursorCodec(lambda: [b"other key" * 4]), "home", 1),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            codec.decode(cursor, kind, owner)
        assert caught.value.field == "cursor"


@pytest.mark.parametrize("first", [0, 9])
def test_every_changed_character_is_noticed(first: int) -> None:
    cursor = CODEC.encode("home", 1, 5, first)
    for place, character in enumerate(cursor):
        # Neighbours too: the last character carries bits that a lax decoder ignores.
        for other in {"A", "B", "Q", "R", "_", chr(ord(character) + 1)} - {character}:
            tampered = cursor[:place] + other + cursor[place + 1 :]
            with pytest.raises(InvalidArgumentError):
                CODEC.decode(tampered, "home", 1)


@given(garbage=st.text(max_size=60) | st.text("AZaz09-_=+/ \n\u0660", min_size=34, max_size=44))
def test_garbage_is_invalid(garbage: str) -> None:
    with pytest.raises(InvalidArgumentError):
        CODEC.decode(garbage, "home", 1)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        CursorCodec(lambda: [b"short"])


@given(owner=IDS, last=IDS, first=IDS)
def test_a_cursor_says_which_way_it_goes(owner: int, last: int, first: int) -> None:
    older = CODEC.encode("home", owner, last, first)
    newer = CODEC.encode("home", owner, last, first, newer=True)
    assert len(older) == len(newer)
    assert CODEC.decode_position(older, "home", owner) == Position(below=last, first_id=first)
    assert CODEC.decode_position(newer, "home", owner) == Position(above=last, first_id=first)


@pytest.mark.parametrize("first", [0, 9])
def test_lists_that_go_one_way_take_no_cursor_of_the_other(first: int) -> None:
    newer = CODEC.encode("home", 1, 5, first, newer=True)
    with pytest.raises(InvalidArgumentError):
        CODEC.decode(newer, "home", 1)
    turned = CODEC.encode("home", 1, 5, first)
    with pytest.raises(InvalidArgumentError):
        CODEC.decode_position(newer[:1] + turned[1:], "home", 1)
