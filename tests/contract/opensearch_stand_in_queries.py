"""A stand-in's queries: which documents match, and by how much. No OpenSearch, but as strict.

What it does not know, it refuses, as OpenSearch refuses what it cannot parse. Scores are BM25 as
Lucene has it, without its rounding of lengths.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Corpus", "RefusedError", "Scores", "matches", "one", "only"]

MOST_CLAUSES = 1_024
MOST_TERMS = 65_536
K1, B = 1.2, 0.75
NUMBERS = {"long"}


class RefusedError(Exception):
    """Answered with its status."""

    def __init__(self, reason: str, kind: str = "parsing_exception", status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.status = status


@dataclass(frozen=True)
class Corpus:
    """Documents as they are searched: id to field to terms, and what the fields are."""

    fields: Mapping[str, Mapping[str, Any]]
    documents: Mapping[str, Mapping[str, Sequence[Any]]]

    def having(self, field: str, term: object) -> int:
        return sum(term in each.get(field, ()) for each in self.documents.values())

    def mean_length(self, field: str) -> float:
        lengths = [len(each.get(field, ())) for each in self.documents.values()]
        return sum(lengths) / max(1, sum(map(bool, lengths)))

    def kind(self, field: str) -> str:
        if field not in self.fields:
            # OpenSearch finds nothing then; here it is a mistake.
            raise RefusedError(f"no field {field}")
        return str(self.fields[field]["type"])


def only(part: Any, *known: str) -> None:
    """Refuse what is no object, or has other keys than these."""
    if not isinstance(part, dict):
        raise RefusedError(f"an object is wanted, not {part!r}")
    if unknown := part.keys() - set(known):
        raise RefusedError(f"unknown key {sorted(unknown)}")


def one(part: Any) -> tuple[str, Any]:
    if not isinstance(part, dict) or len(part) != 1:
        raise RefusedError(f"one key is wanted, in {part!r}")
    ((key, value),) = part.items()
    return key, value


Scores = dict[str, float]


def matches(corpus: Corpus, query: Any) -> Scores:
    """Give the ids that match, with scores."""
    kind, body = one(query)
    if kind not in _KINDS:
        raise RefusedError(f"unknown query [{kind}]")
    return _KINDS[kind](corpus, body)


def _term(corpus: Corpus, body: Any) -> Scores:
    field, term = one(body)
    kind = corpus.kind(field)
    if (kind in NUMBERS) != isinstance(term, int):
        raise RefusedError(f"[{term!r}] for a {kind}", "query_shard_exception")
    return {
        doc: _bm25(corpus, field, term, each[field].count(term), len(each[field]))
        for doc, each in corpus.documents.items()
        if term in each.get(field, ())
    }


def _bm25(corpus: Corpus, field: str, term: object, times: int, length: int) -> float:
    kind = corpus.kind(field)
    if kind in NUMBERS:
        return 1.0
    having = corpus.having(field, term)
    idf = math.log(1 + (len(corpus.documents) - having + 0.5) / (having + 0.5))
    if kind == "keyword":
        # Neither frequencies nor lengths are kept of it.
        return idf / (1 + K1)
    return idf * times / (times + K1 * (1 - B + B * length / corpus.mean_length(field)))


def _terms(corpus: Corpus, body: Any) -> Scores:
    field, terms = one(body)
    if not isinstance(terms, list) or len(terms) > MOST_TERMS:
        raise RefusedError(f"at most {MOST_TERMS} terms", "illegal_argument_exception")
    if corpus.kind(field) in NUMBERS and not all(isinstance(each, int) for each in terms):
        raise RefusedError("numbers are wanted")
    wanted = set(terms)
    return {
        doc: 1.0
        for doc, each in corpus.documents.items()
        if not wanted.isdisjoint(each.get(field, ()))
    }


def _range(corpus: Corpus, body: Any) -> Scores:
    field, sides = one(body)
    only(sides, "gte", "gt", "lte", "lt")
    if corpus.kind(field) not in NUMBERS or not all(type(side) is int for side in sides.values()):
        raise RefusedError("a range is of numbers")
    if any(abs(side) >= 2**63 for side in sides.values()):
        raise RefusedError("out of range for a long", "illegal_argument_exception")
    holds: dict[str, Callable[[int, int], bool]] = {
        "gte": lambda value, side: value >= side,
        "gt": lambda value, side: value > side,
        "lte": lambda value, side: value <= side,
        "lt": lambda value, side: value < side,
    }
    return {
        doc: 1.0
        for doc, each in corpus.documents.items()
        for value in each.get(field, ())
        if all(holds[side](value, than) for side, than in sides.items())
    }


def _match_phrase(corpus: Corpus, body: Any) -> Scores:
    field, text = one(body)
    if corpus.fields.get(field, {}).get("index_options") != "positions":
        raise RefusedError(f"[{field}] has no positions", "illegal_state_exception")
    if not isinstance(text, str):
        raise RefusedError("a text is wanted")
    words = text.split()
    scores: Scores = {}
    for doc, each in corpus.documents.items():
        terms = list(each.get(field, ()))
        times = sum(terms[place : place + len(words)] == words for place in range(len(terms)))
        if words and times:
            scores[doc] = sum(_bm25(corpus, field, word, times, len(terms)) for word in words)
    return scores


def _bool(corpus: Corpus, body: Any) -> Scores:
    only(body, "must", "filter", "should", "must_not", "minimum_should_match")
    parts = {occur: body.get(occur, []) for occur in ("must", "filter", "should", "must_not")}
    if not all(isinstance(each, list) for each in parts.values()):
        raise RefusedError("a list is wanted")
    if sum(map(len, parts.values())) > MOST_CLAUSES:
        raise RefusedError(f"maxClauseCount is {MOST_CLAUSES}", "too_many_clauses")
    must, filtered, should, excluded = (
        [matches(corpus, each) for each in parts[occur]] for occur in parts
    )
    least = body.get("minimum_should_match", 0 if must or filtered or not should else 1)
    if type(least) is not int:
        raise RefusedError("a number is wanted")
    scores: Scores = {}
    for doc in corpus.documents:
        if not all(doc in each for each in (*must, *filtered)):
            continue
        if any(doc in each for each in excluded):
            continue
        found = [each[doc] for each in should if doc in each]
        if len(found) >= least:
            scores[doc] = sum(each[doc] for each in must) + sum(found)
    return scores


_KINDS: Mapping[str, Callable[[Corpus, Any], Scores]] = {
    "bool": _bool,
    "match_phrase": _match_phrase,
    "range": _range,
    "term": _term,
    "terms": _terms,
}
