"""Which cases of schemathesis break a rule that the OpenAPI document cannot say, or keep one."""

from collections.abc import Callable, Sequence
from typing import Any

from services.platform.errors import InvalidArgumentError
from services.platform.muting.words import validate_muted_word
from services.platform.rpc.paging import MAX_LIMIT
from services.tweet.text import validate_text

__all__ = ["accepted_by", "is_told_right", "plain"]

# Two users that must not be the same.
PAIRS = {
    "followee_id": "follower_id",
    "blocked_id": "blocker_id",
    "muted_id": "muter_id",
    "requester_id": "user_id",
}
# Formats that the document explains in words: what was drawn for not being of one may be.
FORMATS: dict[str, Callable[[str], object]] = {"text": validate_text, "word": validate_muted_word}

PAGE: dict[str, Callable[[str], bool]] = {
    "/properties/cursor": lambda cursor: not cursor,
    "/properties/limit": lambda limit: limit.isdecimal() and int(limit) <= MAX_LIMIT,
}


def is_told_right(case: Any) -> bool:
    """Whether a case is what it was drawn for, valid or not."""
    body = case.body if isinstance(case.body, dict) else {}
    refused = _names_twice(case, body) or _is_about_oneself(body) or _changes_nothing(case, body)
    return not (refused or _is_right_all_the_same(case, body) or _has_odd_list(body))


def accepted_by(check: Callable[[str], object]) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        try:
            check(value)
        except InvalidArgumentError:
            return False
        return True

    return accepts


def _names_twice(case: Any, body: dict[str, Any]) -> bool:
    """Whether request_id and the Idempotency-Key header are both given: they must be the same."""
    field = body.get("request_id") or (case.query or {}).get("request_id")
    return bool(field and (case.headers or {}).get("Idempotency-Key"))


def _is_about_oneself(body: dict[str, Any]) -> bool:
    pairs = [(body.get(one), body.get(other)) for one, other in PAIRS.items() if one in body]
    followees = body.get("followee_ids")
    if isinstance(followees, list):
        pairs += [(body.get("follower_id"), followee) for followee in followees]
    return any(plain(one) == plain(other) for one, other in pairs)


def plain(number: object) -> str:
    # 1, "1" and 1.0 are one id in JSON.
    is_whole = isinstance(number, float) and number.is_integer()
    return str(int(number) if is_whole else number)  # type: ignore[call-overload]


def _changes_nothing(case: Any, body: dict[str, Any]) -> bool:
    """Whether it is an update that gives nothing of what it could change."""
    fields = ("handle", "display_name", "bio", "protected", "name", "description", "private")
    return case.operation.method.upper() == "PATCH" and all(body.get(f) is None for f in fields)


def _is_right_all_the_same(case: Any, body: dict[str, Any]) -> bool:
    mutations = case.meta.phase.data.mutations if case.meta is not None else ()
    return _asks_for_a_page(case, mutations) or (
        any(each.keywords == ("format",) for each in mutations)
        and any(
            accepted_by(check)(body[name])
            for name, check in FORMATS.items()
            if isinstance(body.get(name), str)
        )
    )


def _asks_for_a_page(case: Any, mutations: Sequence[Any]) -> bool:
    """Whether what was drawn for no cursor, or no limit, is one: an empty cursor is, and 0."""
    query = case.query or {}
    drawn = {each.schema_pointer for each in mutations}
    return bool(drawn) and all(
        pointer in PAGE and PAGE[pointer](str(query.get(pointer.rpartition("/")[2], "")))
        for pointer in drawn
    )


def _has_odd_list(body: dict[str, Any]) -> bool:
    """Whether it has a list with what the transcoder takes for parts of it, or for no item."""
    lists = [value for value in body.values() if isinstance(value, list)]
    return any(item is None or isinstance(item, list) for value in lists for item in value)
