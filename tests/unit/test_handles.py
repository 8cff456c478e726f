import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.text.handles import (
    canonical,
    validate_bio,
    validate_display_name,
    validate_handle,
    validate_new_handle,
)


@given(st.from_regex(r"[A-Za-z0-9_]{1,15}", fullmatch=True))
def test_handles_keep_their_case_and_are_unique_without_it(handle: str) -> None:
    assert validate_handle(handle) == handle
    assert canonical(handle) == canonical(handle.upper())


@pytest.mark.parametrize("handle", ["", "a" * 16, "a b", "a-b", "a\n", "\u00e9", "\u0661", "@a"])
def test_refused_handles(handle: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        validate_handle(handle)
    assert caught.value.field == "handle"


@pytest.mark.parametrize(
    "handle",
    [
        "admin",
        "Admin",
        "ADMIN_",
        "_a_d_m_i_n_",
        "support",
        "aviary",
        "Aviary_",
        "root",
        "api",
        "me",
    ],
)
def test_reserved_handles_are_for_nobody_new(handle: str) -> None:
    assert validate_handle(handle) == handle
    with pytest.raises(InvalidArgumentError) as caught:
        validate_new_handle(handle)
    assert (caught.value.field, caught.value.reason) == ("handle", "HANDLE_RESERVED")


@pytest.mark.parametrize(
    "handle", ["ada", "admiral", "rooted", "apiary", "supporter", "bob", "me2"]
)
def test_handles_that_only_look_a_little_so_are_free(handle: str) -> None:
    assert validate_new_handle(handle) == handle


def test_display_names_are_trimmed() -> None:
    assert validate_display_name("  Ada Lovelace 👩\u200d💻 ") == "Ada Lovelace 👩\u200d💻"
    assert validate_display_name("x" * 50 + " ")


def test_display_names_have_no_long_runs_of_combining_marks() -> None:
    assert validate_display_name("a" + "\u0301" * 30)
    with pytest.raises(InvalidArgumentError, match="combining marks"):
        validate_display_name("a" + "\u0301" * 31)


def test_longest_display_names_in_most_code_points() -> None:
    assert validate_display_name("\u03b1\u0313\u0300\u0345" * 50) == "\u1f82" * 50


@pytest.mark.parametrize("name", ["", "   ", "x" * 51, "a\nb", "a\x00b", "a\ud800", "a\u2028b"])
def test_refused_display_names(name: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        validate_display_name(name)
    assert caught.value.field == "display_name"


def test_bios_are_trimmed_and_may_be_taken_away() -> None:
    assert validate_bio(" Programs engines. ") == "Programs engines."
    assert validate_bio("x" * 160 + " ")
    assert validate_bio("") == ""


@pytest.mark.parametrize("bio", ["   ", "\u200b", "x" * 161, "a\nb", "a\x00b", "a\ud800"])
def test_refused_bios(bio: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        validate_bio(bio)
    assert caught.value.field == "bio"
