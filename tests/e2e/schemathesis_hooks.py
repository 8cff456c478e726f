"""What the OpenAPI document cannot say to schemathesis, which loads this as its hooks.

Who calls: each operation is called with the token of a user that carries its scope and no other.
What there is: most ids are those of users and tweets that exist. Nothing here takes a check away:
cases are made valid where only a rule across fields makes them so.
"""

import secrets
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

from services.list.arguments import MAX_DESCRIPTION_CHARS, validate_description, validate_list_name
from services.list.arguments import MAX_NAME_CHARS as MAX_LIST_NAME_CHARS
from services.media.arguments import validate_alt_text
from services.platform.ids.arguments import MAX_LISTED_IDS
from services.platform.ids.model import MAX_ID
from services.platform.muting.words import MAX_WORD_CHARS, validate_muted_word
from services.platform.text.handles import MAX_BIO_CHARS, validate_bio, validate_display_name
from services.search.parsing import parse
from services.tweet.text import validate_text
from services.user.names import folded
from tests.e2e.schemathesis_cases import accepted_by, is_told_right, plain
from tests.e2e.schemathesis_world import PASSWORD, REDIRECT, TWEET_ID, USER_ID, World

END_USER_FIELDS = ("follower_id", "blocker_id", "muter_id", "user_id")
INT64_MAX = (1 << 63) - 1
# 140 characters are never more than 280 weighted ones.
MAX_TEXT_CHARS = 140
MAX_NAME_CHARS = 50
# No user makes users.
OF_APPS = frozenset({"users:create"})
WORLD = World.from_environment()
LOG_IN = "/oauth/log-in"
LOG_IN_PATHS = frozenset({"/oauth/authorize", LOG_IN})
NEW_MEMBER = "POST /v1/lists/{list_id}/members"
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def mostly(known: list[str], others: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Give one that is known in four of five cases."""
    return st.one_of(*[st.sampled_from(known)] * 4, others)


def _text(most: int, check: Callable[[str], object]) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs", "Cc"])
    return st.text(characters, min_size=1, max_size=most).filter(accepted_by(check))


# Formats that the document names, and explains in words.
schemathesis.openapi.format("tweet-text", _text(MAX_TEXT_CHARS, validate_text))
schemathesis.openapi.format("display-name", _text(MAX_NAME_CHARS, validate_display_name))
schemathesis.openapi.format(
    "muted-word", mostly(["fox", "#fox", "@ada"], _text(MAX_WORD_CHARS, validate_muted_word))
)
schemathesis.openapi.format("list-name", _text(MAX_LIST_NAME_CHARS, validate_list_name))
schemathesis.openapi.format("list-description", _text(MAX_DESCRIPTION_CHARS, validate_description))
schemathesis.openapi.format("bio", _text(MAX_BIO_CHARS, validate_bio))
schemathesis.openapi.format(
    "ids",
    st.lists(st.integers(1, MAX_ID), min_size=1, max_size=MAX_LISTED_IDS).map(
        lambda ids: ",".join(map(str, ids))
    ),
)
schemathesis.openapi.format(
    "search-query",
    mostly(["hello", "from:ada -dogs", '"hi there" lang:en'], _text(MAX_TEXT_CHARS, parse)),
)
schemathesis.openapi.format(
    "name-prefix", mostly(["ada", "@a"], _text(MAX_NAME_CHARS, folded).filter(folded))
)
# Any other that is drawn is none of ours; real ones come by the links `NextPage`.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("alt-text", _text(MAX_TEXT_CHARS, validate_alt_text))
schemathesis.openapi.format("new-password", st.builds(lambda: secrets.token_urlsafe(16)))
# Of the reader nobody but the reader asks for, as nobody may follow, block or mute themselves.
ANY_ID = st.integers(1, INT64_MAX).map(str)
schemathesis.openapi.format(USER_ID, mostly(WORLD.others, ANY_ID))
schemathesis.openapi.format(TWEET_ID, mostly(WORLD.tweets, ANY_ID))


@schemathesis.auth(refresh_interval=None)
class Tokens:
    """Who is named calls; else the reader does. What is to be deleted is made for that first."""

    def get(self, case: Any, context: Any) -> dict[str, str] | None:  # noqa: ARG002 - the protocol
        scope = _scope(case.operation)
        if scope is None:
            return None
        if scope in OF_APPS:
            return WORLD.app_token(scope)
        if _is_valid(case):
            _go_on_with_its_user(case)
        if _is_valid(case) and _is_drawn(case) and case.method == "DELETE":
            _give_it_something_to_delete(case)
        return WORLD.user_token(_end_user(case), scope)

    def set(self, case: Any, data: dict[str, str], context: Any) -> None:  # noqa: ARG002 - as above
        case.headers = {**(case.headers or {}), **data}


def _scope(operation: Any) -> str | None:
    """The scope that the document asks for."""
    security = operation.definition.raw.get("security", [])
    return next((scope for one in security for scopes in one.values() for scope in scopes), None)


def _end_user(case: Any) -> str:
    """Who is named as the caller, if that is one of the users here."""
    body = case.body if isinstance(case.body, dict) else {}
    places = [body, case.query or {}]
    if case.operation.path.startswith("/v1/users/{user_id}"):
        places.append(case.path_parameters or {})
    named = (str(place[field]) for place in places for field in END_USER_FIELDS if field in place)
    return next((user_id for user_id in named if user_id in WORLD.handles), WORLD.reader)


def _is_valid(case: Any) -> bool:
    """Whether the case is meant to be accepted."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def _is_drawn(case: Any) -> bool:
    """Whether none of its ids comes from an answer."""
    return case.meta.phase.name.value != "stateful"


def _go_on_with_its_user(case: Any) -> None:
    """Ask for the user whose list a cursor is of: it is refused with any other."""
    query = case.query or {}
    if query.get("cursor") in WORLD.cursors:
        _place_of_user(case)["user_id"] = WORLD.cursors[query["cursor"]]


def _place_of_user(case: Any) -> dict[str, Any]:
    """The part of a request for a list that says whose it is."""
    place: dict[str, Any] = case.path_parameters or case.query
    return place


def _give_it_something_to_delete(case: Any) -> None:
    if "tweet_id" in case.path_parameters:
        case.path_parameters["tweet_id"] = WORLD.post(_end_user(case))
    elif "user_id" in case.path_parameters:
        case.path_parameters["user_id"] = WORLD.sign_up()


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001 - as above
    """Know the users that are made, renamed and deleted on the way."""
    if response.status_code not in {200, 201}:
        return
    if case.operation.label in {"POST /v1/users", "PATCH /v1/users/{user_id}"}:
        user = _document(response)["user"]
        WORLD.handles[user["user_id"]] = user["handle"]
    for name in ("next_cursor", "previous_cursor"):
        if cursor := _document(response).get(name):
            WORLD.cursors[cursor] = str(_place_of_user(case).get("user_id", WORLD.reader))
    if case.operation.label == "DELETE /v1/users/{user_id}":
        WORLD.forget(str(case.path_parameters["user_id"]))


def _document(response: Any) -> dict[str, Any]:
    """What an answer says in JSON; nothing for a page of HTML, or an answer without content."""
    kind = response.headers.get("content-type", [""])[0]
    found = response.json() if kind.startswith("application/json") and response.content else {}
    return found if isinstance(found, dict) else {}


@schemathesis.check
def reasons_conformance(context: Any, response: Any, case: Any) -> None:  # noqa: ARG001 - as above
    """The reason of an error is one of those that the document names for the operation."""
    if response.status_code < 400 or case.method != case.operation.method.upper():
        return
    named = _answers_named(case.operation, response.status_code).get("x-reasons", [])
    details = _document(response).get("details", [])
    given = {detail["reason"] for detail in details if "reason" in detail}
    assert given <= set(named), f"{given} is not of {named}"


def _answers_named(operation: Any, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = operation.definition.raw["responses"].get(str(status), {})
    name = answer.get("$ref", "").rpartition("/")[2]
    shared: dict[str, Any] = operation.schema.raw_schema["components"]["responses"]
    return shared[name] if name else answer


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:  # noqa: ARG001 - schemathesis's signature
    return is_told_right(case)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - as above
    # Without a content type the method QUERY is malformed by its own specification, and Envoy
    # says so before it looks at paths.
    if case.method == "QUERY":
        case.headers = {**(case.headers or {}), "Content-Type": "application/json"}
    # Two faults in one: a body where its method has none is refused before paths are looked at.
    if case.method in WITHOUT_BODY and case.method != case.operation.method.upper():
        case.body = NOT_SET
    if _is_valid(case) and case.operation.label == "POST /v1/tweets":
        _say_something(case.body)
    if _is_valid(case) and case.operation.label == NEW_MEMBER and not _is_drawn(case):
        # The list is there; a member that is not is no answer to whether it is.
        case.body["member_id"] = WORLD.others[0]
    if _is_valid(case) and case.operation.path in LOG_IN_PATHS:
        _come_from_an_app(case)
    if _is_valid(case) and case.operation.path == "/oauth/token":
        _exchange_what_there_is(case)
    if _is_valid(case) and case.operation.path == "/oauth/revoke":
        case.body.pop("client_secret", None)
        case.body["client_id"] = WORLD.app


def _say_something(body: dict[str, Any]) -> None:
    """Give a text where there are no pictures either, and name each of those once."""
    media_ids = body.get("media_ids") or []
    if media_ids:
        body["media_ids"] = list({plain(each): each for each in media_ids}.values())
    elif not body.get("text"):
        body["text"] = "hello"


def _exchange_what_there_is(case: Any) -> None:
    """Give it a code, a refresh token or an app of the kind that it has drawn."""
    # Of the wrong kind of app, or more than was granted, they would make it another request.
    for name in ("client_id", "client_secret", "scope"):
        case.body.pop(name, None)
    case.body |= WORLD.grant(case.body["grant_type"])


def _come_from_an_app(case: Any) -> None:
    """Make it a request of an app that there is, and of a person at its page."""
    place = case.query if case.operation.method.upper() == "GET" else case.body
    place |= {"client_id": WORLD.app, "redirect_uri": REDIRECT}
    if case.operation.path == LOG_IN:
        hidden, cookie = WORLD.page()
        place |= {"csrf": hidden["csrf"], "handle": WORLD.person, "password": PASSWORD}
        case.headers = {**(case.headers or {}), "Cookie": cookie}
