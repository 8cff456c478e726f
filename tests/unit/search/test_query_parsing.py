"""What readers type, and what is wrong in it."""

from datetime import UTC, datetime

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.ids.snowflake_time import first_id_at
from services.search.model import Bounds, Clause, Term, TermKind
from services.search.parsing import MAX_QUERY_CHARS, MAX_TERMS, parse
from services.search.stop_words import without_stop_words


def terms(query: str) -> list[tuple[str, str, bool]]:
    return [(each.term.kind.value, each.term.text, each.negated) for each in parse(query).clauses]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cats dogs", [("words", "cats", False), ("words", "dogs", False)]),
        ('"cold war" -"hot war"', [("phrase", "cold war", False), ("phrase", "hot war", True)]),
        ("#Pets -#Dogs", [("hashtag", "pets", False), ("hashtag", "dogs", True)]),
        ("@Ada_L", [("mention", "ada_l", False)]),
        ("from:@Ada to:bob", [("from", "Ada", False), ("to", "bob", False)]),
        ("FROM:ada", [("from", "ada", False)]),
        ("lang:EN-gb x", [("lang", "en", False), ("words", "x", False)]),
        ("filter:links -filter:replies", [("filter", "links", False), ("filter", "replies", True)]),
        ("re:invent", [("words", "re:invent", False)]),
        ("https://a.bc/d", [("words", "https://a.bc/d", False)]),
        ("#1 x", [("words", "#1", False), ("words", "x", False)]),
        ("cats cats", [("words", "cats", False)]),
        ('say"hello there"now', [
            ("words", "say", False), ("phrase", "hello there", False), ("words", "now", False),
        ]),
        ("東京", [("words", "東京", False)]),
        ("from:ada+c++", [("from", "ada", False), ("words", "c", False)]),
    ],
)  # fmt: skip
def test_terms_are_read(query: str, expected: list[tuple[str, str, bool]]) -> None:
    assert terms(query) == expected


def test_dates_are_days_in_utc() -> None:
    def day(number: int) -> int:
        return first_id_at(int(datetime(2026, 1, number, tzinfo=UTC).timestamp()) * 1_000)

    assert parse("x since:2026-01-02 until:2026-01-05").bounds == Bounds(day(2), day(5))
    assert parse("x since:2026-01-02 since:2026-01-03").bounds == Bounds(day(3), None)
    assert parse("x until:2026-01-09 until:2026-01-05").bounds == Bounds(None, day(5))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "not excluded"),
        ("   ", "not excluded"),
        ("-cats", "not excluded"),
        ("since:2026-01-01", "not excluded"),
        ('"open', "nothing closes"),
        ('""', "no word in nothing"),
        ("...", "no word in `...`"),
        ("-", "no word in `-`"),
        ("from:", "a handle after `from:`, not nothing"),
        ("to:a-b", "a handle after `to:`, not `a-b`"),
        ("from:abcdefghijklmnop", "a handle after `from:`"),
        ("lang:english x", "a language code after `lang:`"),
        ("filter:media x", "`links` or `replies` after `filter:`"),
        ("since:yesterday x", "a date after `since:`"),
        ("until:2026-02-30 x", "a date after `until:`"),
        ("since:20260101 x", "a date after `since:`"),
        ("-since:2026-01-01 x", "cannot exclude `since:`"),
        ("x" * (MAX_QUERY_CHARS + 1), f"1 to {MAX_QUERY_CHARS} characters"),
        (" ".join("x" * (MAX_TERMS + 1)), f"more than {MAX_TERMS} terms"),
    ],
)
def test_what_is_wrong_is_said(query: str, said: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        parse(query)
    assert refused.value.field == "query"
    assert said in str(refused.value)


def words(*texts: str) -> list[Clause]:
    return [Clause(Term(TermKind.WORDS, text)) for text in texts]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (["the", "cat"], ["cat"]),
        (["cold", "war"], ["cold", "war"]),  # German has `war`, and nobody here speaks it
        (["der", "Hund", "ist", "hier", "und"], ["Hund"]),
        (["to", "be"], ["to", "be"]),  # nothing else is left to find
    ],
)
def test_stop_words_need_not_be_found(query: list[str], left: list[str]) -> None:
    assert [each.term.text for each in without_stop_words(words(*query))] == left


def test_the_language_asked_for_decides_what_a_stop_word_is() -> None:
    german = Clause(Term(TermKind.LANGUAGE, "de"))
    kept = without_stop_words([*words("cold", "war"), german])
    assert [each.term.text for each in kept] == ["cold", "de"]
    excluded = Clause(Term(TermKind.WORDS, "the"), negated=True)
    assert excluded in without_stop_words([*words("cat"), excluded])
