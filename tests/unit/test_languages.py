"""Tags of languages, and detection of short texts."""

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.text.entities import find_entities
from services.platform.text.language_detection import UNDETECTED, detect_language
from services.platform.text.language_tags import canonical_language_tag

TEXTS = {
    "en": "I love how quiet the city is early in the morning",
    "de": "Ich habe heute leider keine Zeit f\u00fcr einen Spaziergang",
    "fr": "Je ne sais pas encore si nous pouvons venir ce soir",
    "es": "Ma\u00f1ana vamos a la playa con todos los amigos",
    "pt": "N\u00e3o acredito que o jogo acabou assim, que tristeza",
    "nl": "Ik heb vandaag de hele dag in de tuin gewerkt",
    "ja": "今日はとてもいい天気ですね",
    "ko": "오늘 날씨가 정말 좋네요",
    "zh": "这个问题很难回答",
    "ru": "Сегодня очень хорошая погода",
    "he": "היום מזג האוויר נפלא",
    "ar": "الطقس جميل جدا اليوم في المدينة",
}


def detected(text: str) -> str:
    return detect_language(text, find_entities(text))


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_enough(language: str) -> None:
    assert detected(TEXTS[language]) == language


@pytest.mark.parametrize(
    "text",
    ["", "ok", "lol", "\U0001f600\U0001f600", "@ada @bob", "https://example.com/a", "1234", "\x00"],
)
def test_what_is_not_certain_is_not_guessed(text: str) -> None:
    assert detected(text) == UNDETECTED


def test_names_and_addresses_are_in_no_language() -> None:
    text = "@guten_morgen_alle https://ich.com/habe/keine/zeit " + TEXTS["fr"]
    assert detected(text) == "fr"


def test_a_text_is_no_html() -> None:
    """Of which what follows a `<` is no text, and a tag may say any language."""
    assert detected("I <3 you so much, my friend, and I will always be there for you") == "en"
    assert detected(f'<html lang="fi">{TEXTS["fr"]}') == "fr"


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("en", "en"),
        ("EN-us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("SL-ROZAJ", "sl-rozaj"),
        ("de-1996", "de-1996"),
        ("yue", "yue"),
    ],
)
def test_tags_get_the_cases_that_bcp_47_recommends(tag: str, canonical: str) -> None:
    assert canonical_language_tag("language", tag) == canonical
    assert canonical_language_tag("language", canonical) == canonical


@pytest.mark.parametrize("tag", ["", "e", "english", "en_US", "en-x-me", "en-a-bb", "i-klingon"])
def test_other_tags_are_refused(tag: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        canonical_language_tag("language", tag)
    assert caught.value.field == "language"
