"""Texts as words, their languages, and which say nearly the same."""

import pytest

from services.platform.text.bounded_text import without_accents
from services.platform.text.words import MAX_RUN_CHARS, has_links, hashtags, mentions, words
from services.search.analysis import analyse
from services.search.languages import UNKNOWN, language_of
from services.search.model import TweetText
from services.search.near_duplicates import BANDS, ENOUGH, bands
from services.search.stemming import stem, stems

FOX = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so today"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("don't stop", ["dont", "stop"]),
        ("snake_case and x-ray", ["snake", "case", "and", "x", "ray"]),
        ("\uff26\uff35\uff2c\uff2c width", ["full", "width"]),
        ("Straße", ["strasse"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("行", ["行"]),
        ("in 東京 today", ["in", "東京", "today"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("https://www.a.bc/d", ["a", "bc", "d"]),
        ("😂 ...", []),
    ],
)
def test_texts_are_cut_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_accents_are_folded_where_they_are_marks_of_latin_letters() -> None:
    assert without_accents("café") == "cafe"
    assert without_accents("हिन्दी") == "हिन्दी"


def test_entities_are_found() -> None:
    assert hashtags("x #Tag_1 #123 \uff03東京 a#b http://x/#y #Café") == ["tag_1", "東京", "cafe"]
    assert mentions("@Ada hi a@b.c @bob_1! @@no @toolongforahandle") == ["ada", "bob_1"]
    assert has_links("see HTTPS://a.bc")
    assert has_links("see example.com/a")
    assert not has_links("see a.bc")
    assert hashtags("#\ufdfa_x") == hashtags(
        "#\u0635\u0644\u0649\u0627\u0644\u0644\u0647"
        "\u0639\u0644\u064a\u0647\u0648\u0633\u0644\u0645_x"
    )


def test_of_the_longest_urls_few_words_are_read() -> None:
    url = "https://a.co/" + "ab-" * 1_300
    assert len(words(" ".join(["first", *[url] * 11, "last"]))) < 11 * MAX_RUN_CHARS // 3
    assert words(f"{url} last")[-1] == "last"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the quick brown foxes are running over it", "en"),
        ("der schnelle Fuchs ist nicht hier und das war es", "de"),
        ("le chat est sur la table", "fr"),
        ("el gato está en la casa y no", "es"),
        ("東京に行く", "ja"),
        ("北京", "zh"),
        ("안녕하세요", "ko"),
        ("привет как дела", "ru"),
        ("їжак", "uk"),
        ("cold war", UNKNOWN),
        ("@the @and #is https://the.is/of", UNKNOWN),
    ],
)
def test_languages_are_guessed(text: str, language: str) -> None:
    assert language_of(text, "") == language


def test_a_language_that_was_given_is_believed() -> None:
    assert language_of("the cat is here", "de-AT") == "de"


def test_stems_of_a_word_have_that_of_each_language() -> None:
    assert stem("en", "running") == "run"
    assert {"running", "run"} <= set(stems("running"))
    assert stem("de", "häuser") in stems("häuser")
    assert stems("東京") == ("東京",)


def test_a_text_without_stop_words_is_stemmed_by_its_language() -> None:
    known = analyse(TweetText(1, 2, "The foxes are running", "en", 0, is_reply=True))
    assert known.exact == "the foxes are running"
    assert known.stems == "fox run"
    assert known.kinds == "replies"
    unknown = analyse(TweetText(1, 2, "warming up", "", 0, is_reply=False))
    assert {"warm", "warming", "up"} <= set(unknown.stems.split())
    assert analyse(TweetText(1, 2, "東京", "", 0, is_reply=False)).stems == "東京 東 京"


def alike(one: str, other: str) -> bool:
    return len(set(bands(one)) & set(bands(other))) >= ENOUGH


@pytest.mark.parametrize(
    "other",
    [
        FOX.upper() + "!!!",
        FOX + " https://example.com/a?b=c",
        "@somebody " + FOX,
        FOX.replace(",", " ..."),
        FOX + " ok",
    ],
)
def test_texts_that_say_nearly_the_same_are_alike(other: str) -> None:
    assert alike(FOX, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FOX, "A slow red cat sleeps under the table, and everybody sees why it did so yesterday"),
        ("good morning", "good evening"),
        ("Game 1", "Game 2"),
        ("New: https://example.com/a", "New: https://example.com/elsewhere"),
        ("😂😂😂", "🎉"),
    ],
)
def test_other_texts_are_not_alike(one: str, other: str) -> None:
    assert not alike(one, other)


@pytest.mark.parametrize("text", ["x", "😂", "#", "@a", "https://a.bc", "東京"])
def test_the_shortest_texts_are_compared_too(text: str) -> None:
    assert len(bands(text)) == BANDS
    assert alike(text, text)
