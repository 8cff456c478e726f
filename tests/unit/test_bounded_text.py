import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import (
    MAX_EXPANSION,
    MAX_MARKS_IN_A_ROW,
    caseless,
    normalized,
    without_accents,
)

ROOT = Path(__file__).resolve().parents[2]
WANTED = "must be short"


def composed(text: str, most: int = 10_000) -> str:
    return normalized("name", text, most=most, wanted=WANTED)


@given(st.text(max_size=100))
def test_texts_are_normalised(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


def test_no_text_composes_to_less_than_a_fourth() -> None:
    for point in range(sys.maxunicode + 1):
        assert len(unicodedata.normalize("NFD", chr(point))) <= MAX_EXPANSION


def test_long_ones_are_refused_as_they_came() -> None:
    assert composed("e\u0301" * 5, most=10) == "\u00e9" * 5
    with pytest.raises(InvalidArgumentError, match=WANTED):
        composed("e\u0301" * 5 + "e", most=10)


@pytest.mark.parametrize(
    "marks",
    [
        "\u0301",
        "\u0323\u0301",
        "\uff9e",  # becomes one by NFKC
        "\U0001e94a",
        "\u0301\U0001d165",
    ],
)
@pytest.mark.parametrize("around", ["", "a", "\u4e2d", "\U0001f600", "\U0001d165a"])
def test_runs_of_marks_are_bounded(marks: str, around: str) -> None:
    run = (marks * MAX_MARKS_IN_A_ROW)[:MAX_MARKS_IN_A_ROW]
    for text in (run, f"{run}{around or 'x'}{run}", around + run + "b" + run[:3] + around):
        if not around.startswith("\U0001d165"):
            assert composed(text)
    for text in (f"{run}{marks[0]}", f"{around}b{run}{marks[0]}{around}"):
        with pytest.raises(InvalidArgumentError, match="combining marks"):
            composed(text)


@pytest.mark.parametrize("two", ["\u0344", "\u0f73"])  # the second is no mark by its class
def test_runs_are_bounded_as_they_become(two: str) -> None:
    assert len(composed("b" + two * 15)) == 31
    with pytest.raises(InvalidArgumentError, match="combining marks"):
        composed("b" + two * 16)


def test_all_of_unicodes_marks_are_known() -> None:
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        is_mark = unicodedata.combining(unicodedata.normalize("NFKD", char)[0]) != 0
        try:
            composed(char * (MAX_MARKS_IN_A_ROW + 1))
        except InvalidArgumentError:
            assert is_mark, hex(point)
        else:
            assert not is_mark, hex(point)


def test_text_from_outside_is_normalised_in_one_module() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("services", "gateway")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"unicodedata\.normalize|from unicodedata", path.read_text())
    }
    assert found == {"services/platform/text/bounded_text.py"}


def test_texts_are_compared_without_case_and_width() -> None:
    assert caseless("Stra\u00dfe \uff26\uff35") == "strasse fu"
    assert without_accents(caseless("Caf\u00e9 \u0939\u093f\u0928\u094d\u0926\u0940")) == (
        "cafe \u0939\u093f\u0928\u094d\u0926\u0940"
    )


@pytest.mark.parametrize("text", ["x" + "\u0301" * 50_000, "x" + "\u0301\u0323" * 25_000])
def test_runs_of_marks_are_cut_where_a_text_is_compared(text: str) -> None:
    assert len(caseless(text)) <= 1 + MAX_MARKS_IN_A_ROW
