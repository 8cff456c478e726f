"""Cursors that hold a place: they are good for one list, and nobody can make them up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.rpc.paging import MAX_PLACE_BYTES, CursorCodec

KEY = bytes(range(32))
CODEC = CursorCodec(lambda: (KEY,))
PLACES = st.binary(min_size=1, max_size=MAX_PLACE_BYTES)


@given(kind=st.text(max_size=60), place=PLACES)
def test_what_is_encoded_is_decoded(kind: str, place: bytes) -> None:
    cursor = CODEC.encode_place(kind, place)
    assert CODEC.decode_place(cursor, kind) == place
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_foreign_cursor_is_invalid() -> None:
    cursor = CODEC.encode_place("users:ada", b"ada#1")
    other = CursorCodec(lambda: (bytes(32),))
    for codec, kind in ((CODEC, "users:adam"), (CODEC, ""), (other, "users:ada")):
        with pytest.raises(InvalidArgumentError) as caught:
            codec.decode_place(cursor, kind)
        assert caught.value.field == "cursor"


def test_what_moves_between_list_and_place_is_invalid() -> None:
    cursor = CODEC.encode_place("ab", b"c")
    for kind in ("a", "abc", "b", "ba"):
        with pytest.raises(InvalidArgumentError):
            CODEC.decode_place(cursor, kind)


def test_cursors_of_ids_hold_no_place() -> None:
    ids = CODEC.encode("home", 1, 5)
    with pytest.raises(InvalidArgumentError):
        CODEC.decode_place(ids, "home")
    with pytest.raises(InvalidArgumentError):
        CODEC.decode(CODEC.encode_place("home", b"12345678"), "home", 1)


def test_a_tampered_cursor_is_invalid() -> None:
    cursor = CODEC.encode_place("users:a", b"ada#1")
    for place, character in enumerate(cursor):
        tampered = cursor[:place] + ("A" if character != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(InvalidArgumentError):
            CODEC.decode_place(tampered, "users:a")


@given(garbage=st.text(max_size=60) | st.text("AZaz09-_=+/ \n\u0660", min_size=20, max_size=90))
def test_garbage_is_invalid(garbage: str) -> None:
    with pytest.raises(InvalidArgumentError):
        CODEC.decode_place(garbage, "users:a")
    with pytest.raises(InvalidArgumentError):
        CODEC.decode_place("A" * 10_000, "users:a")
