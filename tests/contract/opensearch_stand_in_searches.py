"""A stand-in's searches: sorted, collapsed, counted."""

from collections.abc import Mapping
from typing import Any

from tests.contract.opensearch_stand_in_index import StandInIndex
from tests.contract.opensearch_stand_in_queries import RefusedError, Scores, matches, one, only

__all__ = ["search"]

MOST_HITS = 10_000
_KEYS = ("query", "sort", "size", "collapse", "docvalue_fields", "track_total_hits", "aggs")


def search(index: StandInIndex, body: Any) -> dict[str, Any]:
    """Answer `_search`."""
    only(body, *_KEYS)
    size = body.get("size", 10)
    if type(size) is not int or not 0 <= size <= MOST_HITS:
        raise RefusedError(f"size must be at most {MOST_HITS}", "illegal_argument_exception")
    if body.get("track_total_hits") is not False:
        raise RefusedError("the stand-in counts no hits in all")
    scores = matches(index.corpus(), body["query"])
    docs = _ordered(index, scores, body.get("sort", [{"_score": "desc"}]))
    if "collapse" in body:
        docs = _collapsed(index, docs, body["collapse"])
    columns = body.get("docvalue_fields", [])
    for name in columns:
        _check_column(index, name)
    hits = [
        {
            "_index": index.name,
            "_id": doc,
            "_score": None,
            "sort": values,
            "fields": {name: list(index.found[doc][name]) for name in columns},
        }
        for doc, values in docs[:size]
    ]
    answer: dict[str, Any] = {"timed_out": False, "hits": {"hits": hits}}
    if "aggs" in body:
        answer["aggregations"] = {
            name: _counted(index, list(scores), each) for name, each in body["aggs"].items()
        }
    return answer


Sorted = list[tuple[str, list[Any]]]


def _ordered(index: StandInIndex, scores: Scores, asked: Any) -> Sorted:
    """Give ids with the values that they are sorted by."""
    order = [one(each) for each in asked]
    for name, way in order:
        if way not in {"asc", "desc"}:
            raise RefusedError(f"unknown order {way}")
        if name != "_score":
            _check_column(index, name)
    docs = [
        (doc, [score if name == "_score" else _value(index, doc, name) for name, _ in order])
        for doc, score in scores.items()
    ]
    for place, (_, way) in reversed(list(enumerate(order))):
        docs.sort(key=lambda each, place=place: each[1][place], reverse=way == "desc")
    return docs


def _collapsed(index: StandInIndex, docs: Sorted, asked: Any) -> Sorted:
    only(asked, "field")
    _check_column(index, asked["field"])
    first: dict[Any, tuple[str, list[Any]]] = {}
    for each in docs:
        first.setdefault(_value(index, each[0], asked["field"]), each)
    return list(first.values())


def _check_column(index: StandInIndex, name: str) -> None:
    kind = index.corpus().kind(name)
    if kind == "text" or not index.fields[name].get("doc_values", True):
        raise RefusedError(f"[{name}] has no doc_values", "illegal_argument_exception")


def _value(index: StandInIndex, doc: str, name: str) -> Any:
    (value,) = index.found[doc][name]
    return value


def _counted(index: StandInIndex, docs: list[str], asked: Any) -> Mapping[str, Any]:
    only(asked, "terms", "aggs")
    only(asked["terms"], "field", "size", "order")
    name = asked["terms"]["field"]
    _check_column(index, name)
    (inner, counts), (by, way) = one(asked["aggs"]), one(asked["terms"]["order"])
    only(counts, "cardinality")
    only(counts["cardinality"], "field")
    _check_column(index, counts["cardinality"]["field"])
    if (by, way) != (inner, "desc"):
        raise RefusedError(f"invalid aggregation order path [{by}]")
    values: dict[str, set[Any]] = {}
    for doc in docs:
        for term in index.found[doc][name]:
            values.setdefault(term, set()).update(index.found[doc][counts["cardinality"]["field"]])
    ordered = sorted(values, key=lambda term: -len(values[term]))[: asked["terms"]["size"]]
    buckets = [{"key": term, inner: {"value": len(values[term])}} for term in ordered]
    return {"buckets": buckets}
