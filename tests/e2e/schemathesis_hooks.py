"""What the OpenAPI document cannot say to schemathesis, which loads this as its hooks.

Nothing here takes a check away: cases are made valid where only a rule across fields makes them so.
"""

from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st

from services.platform.errors import InvalidArgumentError
from services.platform.text.handles import validate_display_name
from services.tweet.text import validate_text

# Two users that must not be the same.
PAIRS = (("follower_id", "followee_id"), ("blocker_id", "blocked_id"), ("muter_id", "muted_id"))
INT64_MAX = (1 << 63) - 1
# 140 characters are never more than 280 weighted ones.
MAX_TEXT_CHARS = 140
MAX_NAME_CHARS = 50


def _accepted_by(check: Callable[[str], object]) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        try:
            check(value)
        except InvalidArgumentError:
            return False
        return True

    return accepts


def _text(most: int, check: Callable[[str], object]) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs", "Cc"])
    return st.text(characters, min_size=1, max_size=most).filter(_accepted_by(check))


# Formats that the document names, and explains in words.
schemathesis.openapi.format("tweet-text", _text(MAX_TEXT_CHARS, validate_text))
schemathesis.openapi.format("display-name", _text(MAX_NAME_CHARS, validate_display_name))
# Any other is a page of nothing; real ones come by `next_cursor` in stateful tests.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("int64", st.integers(1, INT64_MAX).map(str))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:  # noqa: ARG001 - schemathesis's signature
    body = case.body if isinstance(case.body, dict) else {}
    return not (_names_twice(case, body) or _is_about_oneself(body) or _changes_nothing(case, body))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - as above
    # Without a content type the method QUERY is malformed by its own specification, and Envoy
    # says so before it looks at paths.
    if case.method == "QUERY":
        case.headers = {**(case.headers or {}), "Content-Type": "application/json"}


def _names_twice(case: Any, body: dict[str, Any]) -> bool:
    """Whether request_id and the Idempotency-Key header are both given: they must be the same."""
    field = body.get("request_id") or (case.query or {}).get("request_id")
    return bool(field and (case.headers or {}).get("Idempotency-Key"))


def _is_about_oneself(body: dict[str, Any]) -> bool:
    pairs = [(body.get(one), body.get(other)) for one, other in PAIRS if one in body]
    followees = body.get("followee_ids")
    if isinstance(followees, list):
        pairs += [(body.get("follower_id"), followee) for followee in followees]
    return any(_plain(one) == _plain(other) for one, other in pairs)


def _plain(number: object) -> str:
    # 1, "1" and 1.0 are one id in JSON.
    is_whole = isinstance(number, float) and number.is_integer()
    return str(int(number) if is_whole else number)  # type: ignore[call-overload]


def _changes_nothing(case: Any, body: dict[str, Any]) -> bool:
    """Whether it is an update that gives neither of what it could change."""
    fields = ("handle", "display_name")
    return case.operation.method.upper() == "PATCH" and all(body.get(f) is None for f in fields)
