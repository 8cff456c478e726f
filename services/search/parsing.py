"""What a reader types, as clauses. By hand: the language has no nesting.

    query   = term *(spaces term)
    term    = ["-"] (phrase / hashtag / mention / operator / word)
    phrase  = DQUOTE text DQUOTE
    operator = ("from" / "to" / "since" / "until" / "lang" / "filter") ":" value

An unknown `name:` is part of a word, as in `re:invent`, and so is a URL.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.model import MAX_ID
from services.platform.ids.snowflake_time import first_id_at
from services.platform.text.bounded_text import normalized
from services.platform.text.words import hashtags, mentions, words
from services.search.model import Bounds, Clause, Kind, Term, TermKind

__all__ = ["MAX_QUERY_CHARS", "MAX_TERMS", "Parsed", "parse"]

MAX_QUERY_CHARS: Final = 500
"""Longer than a tweet. Looked at first, so that nobody makes us parse megabytes."""
MAX_TERMS: Final = 30
"""Each is a part of the engine's query, a word some twenty of them."""

_FIELD: Final = "query"
_TOKEN: Final = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<bare>[^\s"]+))')
_OPERATOR: Final = re.compile(r"(from|to|since|until|lang|filter):(.*)", re.IGNORECASE | re.DOTALL)
_HANDLE: Final = re.compile(r"@?([A-Za-z0-9_]{1,15})", re.ASCII)
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9-]{1,20})?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PLUS: Final = "+"
"""What browsers and most HTTP libraries write for a space in a URL, and the edge takes as it is. It
is part of no word, and a query loses nothing."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query before anybody is looked up: handles are as they were typed."""

    clauses: tuple[Clause, ...]
    bounds: Bounds


def parse(query: str) -> Parsed:
    """Parse a query; raises `InvalidArgumentError` of `query` that says what is wrong in it."""
    wanted = f"must be 1 to {MAX_QUERY_CHARS} characters"
    text = normalized(_FIELD, query, most=MAX_QUERY_CHARS, wanted=wanted)
    clauses: list[Clause] = []
    bounds = Bounds()
    for number, token in enumerate(_TOKEN.finditer(text.replace(_PLUS, " "))):
        if number >= MAX_TERMS:
            raise _wrong(f"has more than {MAX_TERMS} terms")
        narrowed = _bound(token)
        if narrowed is None:
            clauses += _clauses(token)
        else:
            bounds = _both(bounds, narrowed)
    if not any(not clause.negated for clause in clauses):
        raise _wrong("must have a term that is not excluded, besides dates")
    return Parsed(tuple(dict.fromkeys(clauses)), bounds)


def _clauses(token: re.Match[str]) -> Iterator[Clause]:
    negated = bool(token["minus"])
    for term in _terms(token):
        yield Clause(term, negated)


def _terms(token: re.Match[str]) -> Iterator[Term]:
    if token["phrase"] is not None:
        if not token["closed"]:
            raise _wrong('has a `"` that nothing closes')
        yield _worded(TermKind.PHRASE, token["phrase"])
        return
    bare = token["bare"]
    operator = _OPERATOR.fullmatch(bare)
    if operator is not None:
        yield _OPERATORS[operator[1].lower()](operator[2])
    elif bare[0] in "#\uff03" and (tags := hashtags(bare)):
        yield from (Term(TermKind.HASHTAG, tag) for tag in tags)
    elif bare[0] == "@" and (handles := mentions(bare)):
        yield from (Term(TermKind.MENTION, handle) for handle in handles)
    else:
        yield _worded(TermKind.WORDS, bare)


def _worded(kind: TermKind, text: str) -> Term:
    if not words(text):
        raise _wrong(f"has no word in {_quoted(text)}")
    return Term(kind, text)


def _handle(kind: TermKind) -> Callable[[str], Term]:
    def term(value: str) -> Term:
        found = _HANDLE.fullmatch(value)
        if found is None:
            raise _wrong(f"wants a handle after `{kind.value}:`, not {_quoted(value)}")
        return Term(kind, found[1])

    return term


def _language(value: str) -> Term:
    found = _LANGUAGE.fullmatch(value)
    if found is None:
        raise _wrong(f"wants a language code after `lang:`, such as `en`, not {_quoted(value)}")
    return Term(TermKind.LANGUAGE, found[1].lower())


def _filter(value: str) -> Term:
    try:
        return Term(TermKind.FILTER, Kind(value.lower()).value)
    except ValueError:
        known = " or ".join(f"`{kind.value}`" for kind in Kind)
        raise _wrong(f"wants {known} after `filter:`, not {_quoted(value)}") from None


_OPERATORS: Final = {
    "from": _handle(TermKind.FROM),
    "to": _handle(TermKind.TO),
    "lang": _language,
    "filter": _filter,
}


def _bound(token: re.Match[str]) -> Bounds | None:
    """Read `since:` or `until:`; None for anything else."""
    operator = _OPERATOR.fullmatch(token["bare"] or "")
    if operator is None or (name := operator[1].lower()) not in {"since", "until"}:
        return None
    if token["minus"]:
        raise _wrong(f"cannot exclude `{name}:`; use the other of the two")
    # Ids end in 2093, and calendars do not.
    first = min(first_id_at(_day_ms(name, operator[2])), MAX_ID)
    return Bounds(since=first) if name == "since" else Bounds(before=first)


def _day_ms(name: str, value: str) -> int:
    """Give the first moment of a day in UTC, in Unix milliseconds."""
    wrong = _wrong(f"wants a date after `{name}:`, as 2026-01-31, not {_quoted(value)}")
    if _DATE.fullmatch(value) is None:
        raise wrong
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise wrong from None
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _both(one: Bounds, other: Bounds) -> Bounds:
    since = max((each.since for each in (one, other) if each.since is not None), default=None)
    return Bounds(since, other.before).below(one.before)


def _quoted(value: str) -> str:
    """Show at most a handle's worth of what was typed."""
    shown = value if len(value) <= len("since:2026-01-31") else f"{value[:15]}…"
    return f"`{shown}`" if shown else "nothing"


def _wrong(what: str) -> InvalidArgumentError:
    return InvalidArgumentError(_FIELD, what)
