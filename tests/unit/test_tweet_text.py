import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.tweet.text import validate_text, weighted_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        ("caf\u00e9", 4),
        ("cafe\u0301", 4),
        ("日本", 4),
        ("\u2019\u201c", 2),
        ("😀", 2),
        ("👍🏽", 2),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿", 2),
        ("🇫🇷🇩🇪", 4),
        ("1\ufe0f\u20e3", 2),
        ("🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f", 2),
        ("\u00a9", 1),
        ("\u00a9\ufe0f", 2),
        ("https://example.com", 23),
        ("https://example.com/" + "a" * 300 + "?q=1#x", 23),
        ("see example.com.", 28),
        ("(https://example.com/a)", 25),
        ("HTTP://Example.COM/A and b.io", 23 + 5 + 23),
        ("https://b\u00fccher.example/\u00fc", 23),
        ("你好google.com", 27),
        ("me@example.com", 14),
        ("end.start of it.so", 18),
        ("1.5 ... e.g. v2.0", 17),
        ("http://localhost", 16),
    ],
)
def test_weighted_length(text: str, length: int) -> None:
    assert weighted_length(text) == length


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
    url = "https://a.bc/" + "d" * 4_083
    assert len(url) == 4_096
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


@pytest.mark.parametrize("piece", ["a.", "a-", "http://a.", "a.co/.", "😀\u200d", "http://", "a"])
def test_counting_is_fast_on_hostile_text(piece: str) -> None:
    text = (piece * 50_000)[:49_999] + "\u00e9"
    started = time.process_time()
    weighted_length(text)
    assert time.process_time() - started < 2
