"""Which texts say what a reader has muted."""

import time

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.muting.words import (
    MAX_MUTED_WORDS,
    MAX_WORD_CHARS,
    NOTHING_MUTED,
    MutedWords,
    folded,
    folded_word,
    muted_words,
    validate_muted_word,
)

LONGEST_TEXT = " ".join(["a"] * 140)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("fox", "The quick brown FOX."),
        ("FOX", "fox"),
        ("fox", "(fox)"),
        ("fox", "see #Fox"),
        ("fox", "thanks @fox"),
        ("café", "CAFE"),
        ("cafe", "Cafe\u0301"),
        ("don't", "DON\u2019T"),
        ("straße", "STRASSE"),
        ("\uff46\uff4f\uff58", "fox"),
        ("quick fox", "A Quick,  FOX!"),
        ("quick fox", "the quick\nfox"),
        ("I love #cats", "i love cats"),
        ("a a b", "a a a b"),
        ("#fox", "so #FOX"),
        ("#Café", "#cafe"),
        ("\uff03fox", "#fox"),
        ("#foo_bar", "#foo_bar"),
        ("@ada", "hi @Ada"),
        ("foo", "foo_bar"),
        ("spoilers", "https://a.example/spoilers"),
        ("東京", "私は東京都に行く"),
        ("東京都", "東京都"),
        ("猫", "黒猫だ"),
        ("猫", "猫"),
        ("हिन्दी", "यह हिन्दी है"),
        ("2026", "in 2026"),
        ("C++", "c"),
    ],
)
def test_a_text_says_a_word(word: str, text: str) -> None:
    muted = muted_words([validate_muted_word(word)])
    assert muted.hide(folded(text))
    assert muted_words(["other", word, "more words"]).hide(folded(text))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("fox", "foxes"),
        ("fox", "outfox"),
        ("fox", ""),
        ("quick fox", "quick brown fox"),
        ("quick fox", "fox quick"),
        ("quick fox", "quick foxes"),
        ("brown fox", "quickbrown fox"),
        ("#fox", "fox"),
        ("#fox", "#foxes"),
        ("@ada", "ada"),
        ("@ada", "@ada_2"),
        ("fox ada", "fox @bob ... #ada"),
        ("y x", "#x #y"),
        ("東京", "京東"),
        ("猫", "neko"),
        ("a.c", "abc"),
        (".*", "anything"),
        ("(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ],
)
def test_a_text_does_not_say_a_word(word: str, text: str) -> None:
    assert not muted_words([word]).hide(folded(text))


def test_of_many_any_hides() -> None:
    words = [f"w{number}" for number in range(100)] + [f"a b{number}" for number in range(100)]
    muted = muted_words(words)
    for word in words:
        assert muted.hide(folded(f"so {word} it is"))
    assert not muted.hide(folded("so a w100 b it is a b100"))
    assert not NOTHING_MUTED
    assert not muted_words([])
    assert muted


def test_phrases_that_begin_with_another_are_found() -> None:
    muted = muted_words(["a b", "a b c", "a bb", "a b c d", "a c"])
    assert muted.hide(folded("x a b"))
    assert muted.hide(folded("a b c"))
    assert muted.hide(folded("a bb"))
    assert muted.hide(folded("a a c"))
    assert not muted.hide(folded("a bbb a"))


def test_it_takes_no_longer_for_words_that_nearly_match() -> None:
    nasty = muted_words(["a " * 49 + f"b{number}" for number in range(MAX_MUTED_WORDS)])
    text = folded(LONGEST_TEXT)
    began = time.process_time()
    for _ in range(100):
        assert not nasty.hide(text)
    # Some 10 ms; each word tried by itself at each place takes seconds.
    assert time.process_time() - began < 1.0


def test_words_are_kept_in_one_form() -> None:
    assert validate_muted_word("  two   Words ") == "two Words"
    assert validate_muted_word("\uff26ox") == "Fox"
    assert validate_muted_word("x" * MAX_WORD_CHARS) == "x" * MAX_WORD_CHARS
    assert folded_word("Café!") == folded_word("cafe")
    assert folded_word("#Café") == "#cafe"
    assert folded_word("#1") == "1"


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "!!!",
        "\U0001f602",
        "x" * (MAX_WORD_CHARS + 1),
        "a\nb",
        "a\x00b",
        "\ud800",
        "\u202ea",
        "x" + "\u0301" * 31,
        "x" * 100_000,
    ],
)
def test_what_no_text_can_say_is_refused(word: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        validate_muted_word(word)
    assert refused.value.field == "word"


def test_logs_do_not_say_what_is_muted() -> None:
    assert "secret" not in repr(MutedWords(["secret"]))
    assert "secret" not in str(MutedWords(["secret"]))
