"""What comes over HTTP, read with bounds: queries, forms and JSON.

Each thing is said once, in its one place. Where it is said twice, or in two places, nobody knows
which one was meant, and whoever looked before us may have gone by the other: it is refused.
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.requests import Request

from services.identity.oauth_requests import Call
from services.platform.errors import InvalidArgumentError
from services.platform.files.single_keys import RepeatedNameError, json_loads
from services.platform.security.step_up import PROVEN_HEADER
from services.platform.text.bounded_text import has_scalars_only

__all__ = ["call_of", "cookies_of", "head_of", "is_proven", "json_of", "token_call_of"]

MAX_BODY_BYTES: Final = 16 * 1024
"""The longest form is an authorization request, of some URLs."""
MAX_FIELDS: Final = 50


TOO_LONG: Final = f"The body must be at most {MAX_BODY_BYTES} bytes."
TOO_LARGE: Final = 413
NO_FORM: Final = 415
FORM: Final = "application/x-www-form-urlencoded"


class TooLongError(Exception):
    """The body has more bytes than any of ours."""


async def call_of(request: Request) -> Call:
    """Read the query of a GET, or the form of a POST, which has no query.

    Raises authlib's `InvalidRequestError` for a parameter that is repeated (RFC 6749, 3.1 and 3.2)
    or in the wrong place, and for another body.
    """
    if request.method == "GET":
        return head_of(request, _fields(request.url.query))
    if _kind(request) != FORM:
        raise InvalidRequestError(f"The body must be a form ({FORM}).", status_code=NO_FORM)
    if request.url.query:
        raise InvalidRequestError("Parameters belong in the form, and not in the query.")
    return head_of(request, await _form(request))


async def token_call_of(request: Request) -> Call:
    """Read a request that has nothing to say but whose access token it brings.

    Raises authlib's `InvalidRequestError` where a token comes in the query or a form: it comes in
    one way (RFC 6750, 2), which is the header here.
    """
    places = [_fields(request.url.query)]
    if _kind(request) == FORM:
        places.append(await _form(request))
    if any("access_token" in place for place in places):
        raise InvalidRequestError("A token is taken in the header 'Authorization' only.")
    return head_of(request)


def head_of(request: Request, parameters: Mapping[str, str] | None = None) -> Call:
    """Read what is before the body.

    Raises authlib's `InvalidRequestError` for two credentials in it, or some that are no text.
    """
    shown = request.headers.getlist("authorization")
    # A proxy may have joined two of them; no credentials that we take have a comma.
    if len(shown) > 1 or any("," in one for one in shown):
        raise InvalidRequestError("The header 'Authorization' is repeated.")
    for one in shown:
        _check_credentials(one)
    # authlib looks for `Authorization`.
    headers = {name.title(): value for name, value in request.headers.items()}
    return Call(request.method, request.url.path, headers, parameters or {})


def is_proven(call: Call) -> bool:
    """Whether the edge says that a good proof of work came along."""
    return call.headers.get(PROVEN_HEADER.title()) == "1"


def cookies_of(request: Request) -> Mapping[str, Sequence[str]]:
    """Read the cookies; several of one name are several, in no order that means anything."""
    found: dict[str, list[str]] = {}
    for header in request.headers.getlist("cookie"):
        for cookie in header.split(";"):
            name, _, value = cookie.partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found


async def json_of(request: Request, fields: Collection[str]) -> tuple[str, ...]:
    """Read a JSON object of just these fields, each a text; gives them in order.

    Raises `InvalidArgumentError`.
    """
    if request.url.query:
        raise InvalidArgumentError("query", "must be empty: fields belong in the body")
    try:
        body = json_loads(await _body(request))
    except TooLongError as error:
        raise InvalidArgumentError("body", f"must be at most {MAX_BODY_BYTES} bytes") from error
    except RepeatedNameError as error:
        raise InvalidArgumentError(_printable(error.name), "is given twice") from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError("body", "must be JSON") from error
    if not isinstance(body, dict):
        raise InvalidArgumentError("body", "must be a JSON object")
    if unknown := body.keys() - set(fields):
        raise InvalidArgumentError(_printable(min(unknown)), "is unknown")
    return tuple(_text(body, name) for name in fields)


def _kind(request: Request) -> str:
    """Give the media type of the body; empty where there is none, or more than one is named."""
    kinds = request.headers.getlist("content-type")
    return kinds[0].partition(";")[0].strip().lower() if len(kinds) == 1 else ""


async def _form(request: Request) -> Mapping[str, str]:
    try:
        return _fields((await _body(request)).decode("latin-1"))
    except TooLongError as error:
        raise InvalidRequestError(TOO_LONG, status_code=TOO_LARGE) from error


def _fields(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidRequestError(
            f"The parameters are no form in UTF-8 of at most {MAX_FIELDS} fields."
        ) from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidRequestError("A parameter is repeated.")
    return fields


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLongError
    return bytes(body)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InvalidArgumentError(name, "must be given, as text")
    if not has_scalars_only(value):
        raise InvalidArgumentError(name, "must not have lone surrogates")
    return value


def _printable(name: str) -> str:
    """Give a name that somebody made up so that it can be said in an answer."""
    return name if has_scalars_only(name) else "a name with lone surrogates"


def _check_credentials(header: str) -> None:
    scheme, _, shown = header.partition(" ")
    try:
        if scheme.lower() == "basic":
            # authlib raises what is no answer where these are no text.
            base64.b64decode(shown.strip(), validate=True).decode()
        header.encode("ascii")
    except ValueError as error:
        raise InvalidRequestError("The credentials in 'Authorization' are no text.") from error
