import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.text.entities import find_entities
from services.tweet.text import validate_text, weighted_length


def test_joiners_do_not_smuggle_text() -> None:
    assert weighted_length("\u200d".join("😀" * 300)) > 100


def test_limit() -> None:
    assert validate_text("a" * 280) == "a" * 280
    assert validate_text("日" * 140)
    for text in ("a" * 281, "日" * 141, "a" * 60_000):
        with pytest.raises(InvalidArgumentError) as caught:
            validate_text(text)
        assert caught.value.field == "text"


def test_runs_of_combining_marks_are_bounded() -> None:
    assert validate_text("a" + "\u0301" * 30)
    with pytest.raises(InvalidArgumentError, match="combining marks"):
        validate_text("a" + "\u0301" * 31)


def test_the_longest_tweets_are_of_urls() -> None:
    # A URL is of 4,096 characters with its protocol counted once more.
    url = "https://a.co/" + "d" * 4_075
    assert len(url) == 4_096 - len("https://")
    assert validate_text(" ".join([url] * 11) + " and so on")
    for text in (" ".join([url] * 12), url + "d", "a." * 25_000):
        with pytest.raises(InvalidArgumentError, match="weighted"):
            validate_text(text)


def test_text_that_composes_may_be_longer_as_it_came() -> None:
    assert validate_text("\u03b1\u0313\u0300\u0345" * 140) == "\u1f82" * 140


def test_normalised_with_newline_and_tab() -> None:
    assert validate_text("cafe\u0301\n\tx") == "caf\u00e9\n\tx"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_end_in_one_way_and_count_so(end: str) -> None:
    assert validate_text(f"a{end}b") == "a\nb"
    assert validate_text(f"a{end}{end}b") == "a\n\nb"
    assert weighted_length(f"a{end}b") == 3
    whole = "a" * 139 + end + "b" * 140
    assert len(validate_text(whole)) == 280
    with pytest.raises(InvalidArgumentError):
        validate_text(whole + "c")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_text_of_line_ends_alone_is_blank(end: str) -> None:
    with pytest.raises(InvalidArgumentError, match="blank"):
        validate_text(end * 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "a\x00",
        "a\x0bb",
        "a\x7f",
        "a\x85",
        "a\ud800",
        "\ufffex",
        "\ufeffx",
        "\uffffx",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        validate_text(text)


@given(st.text(max_size=300))
def test_any_text_is_counted_or_refused(text: str) -> None:
    assert 0 <= weighted_length(text) <= 2 * 23 * max(1, len(text))
    try:
        stored = validate_text(text)
    except InvalidArgumentError:
        return
    assert validate_text(stored) == stored
    stored.encode()


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a.",
            "a-",
            "http://a.",
            "a.co/.",
            "\U0001f600\u200d",
            "http://",
            "a",
            "a.com\u4f8b",
            "-co.co",
        ),
        *(
            "a_b.",
            "a_b.com.",
            "zz.",
            "(a(b",
            "(a)!",
            "co.-",
            "\u00e9.",
            "#1",
            "@a/b",
            " $abcdef",
            "?a.co",
        ),
    ],
)
def test_any_text_is_read_in_time(piece: str) -> None:
    text = ("http://a.co/" + piece * 50_000)[:49_999] + "\u00e9"
    started = time.process_time()
    weighted_length(text)
    find_entities(text)
    assert time.process_time() - started < 1
