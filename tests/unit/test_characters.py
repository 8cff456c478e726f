"""One rule of characters for each field that people write."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.text.characters import check_characters, is_blank
from services.platform.text.handles import (
    validate_display_name,
    validate_handle,
    validate_name,
)
from services.tweet.text import validate_text

Validate = Callable[[str], str]

WRITTEN: Final[Mapping[str, Validate]] = {
    "text": validate_text,
    "display_name": validate_display_name,
    "name": lambda name: validate_name("name", name, most=50),
}
each_field = pytest.mark.parametrize("field", WRITTEN)

INVISIBLE: Final[Mapping[str, str]] = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "zero width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "mark of direction": "\u200f",
    "Arabic mark": "\u061c",
    "variation selectors": "\ufe0f\ufe0e",
    "variation selector supplement": "\U000e0100",
    "tags": "\U000e0041\U000e007f",
    "Hangul fillers": "\u3164\uffa0\u115f\u1160",
    "grapheme joiner": "\u034f",
    "Mongolian separator": "\u180e",
    "Khmer vowels": "\u17b4\u17b5",
    "blank Braille": "\u2800",
    "note without a head": "\U0001d159",
    "blank hieroglyphs": "\U00013441\U00013442",
    "Khitan filler": "\U00016fe4",
    "closed isolate": "\u2068\u2069",
    "operators": "\u2061\u2064",
    "wide spaces": "\u3000\u2003\u00a0",
    "between spaces": " \u200b \u2060 ",
}
TURNING: Final[Mapping[str, str]] = {
    "override": "user\u202egpj.exe",
    "left override": "a\u202db",
    "embedding": "a\u202bb\u202c",
    "end of an embedding": "a\u202c",
    "open isolate": "a\u2067b",
    "isolate closed twice": "a\u2067b\u2069\u2069",
    "isolate closed before": "a\u2069b\u2067",
}
NO_CHARACTERS: Final = ("a\x00", "a\x1b[2J", "a\x7f", "a\x9b", "\ud800", "a\ufdd0", "\ufeffa")
HONEST: Final = (
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family, by joiners
    "\u2764\ufe0f",  # a red heart, by a selector
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
    "\u05e9\u05dc\u05d5\u05dd C++\u200e!",  # Hebrew, with a mark after a Latin name
    "\u200f(\u0645\u0631\u062d\u0628\u0627)",  # Arabic that begins with a mark
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, which needs the non-joiner
    "\u0915\u094d\u200d\u0937",  # Hindi, which needs the joiner
    "by \u2068\u05d0\u05d1\u2069 and \u2067ab\u2066c\u2069\u2069",  # isolates, closed
    "\ud55c\uad6d\uc5b4",
    "ka\u0301",
)


@each_field
@pytest.mark.parametrize("what", INVISIBLE)
def test_what_shows_nothing_is_blank(field: str, what: str) -> None:
    for text in (INVISIBLE[what], INVISIBLE[what] * 5):
        with pytest.raises(InvalidArgumentError) as caught:
            WRITTEN[field](text)
        assert caught.value.field == field
        assert is_blank(text)
        assert not is_blank(f"a{text}")


@each_field
@pytest.mark.parametrize("text", [*TURNING.values(), *NO_CHARACTERS], ids=ascii)
def test_what_turns_the_text_or_is_none_is_refused(field: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        WRITTEN[field](text)
    assert caught.value.field == field
    str(caught.value).encode()


@each_field
@pytest.mark.parametrize("text", HONEST, ids=ascii)
def test_honest_text_stays_as_it_is(field: str, text: str) -> None:
    assert WRITTEN[field](text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("text", [*INVISIBLE.values(), *TURNING.values(), *HONEST], ids=ascii)
def test_handles_have_none_of_it(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        validate_handle(text)


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\u2028b", "a\u2029b"], ids=ascii)
def test_names_are_of_one_line(text: str) -> None:
    check_characters("text", text, lines=True)
    with pytest.raises(InvalidArgumentError, match="one line"):
        check_characters("name", text, lines=False)
