"""What comes over HTTP, read with bounds: queries, forms and JSON."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

from gateway.identity.oauth_server import Call
from services.errors import InvalidArgumentError

__all__ = ["call_of", "cookies_of", "head_of", "json_of"]

MAX_BODY_BYTES: Final = 16 * 1024
"""The longest form is an authorization request, of some URLs."""
MAX_FIELDS: Final = 50


async def call_of(request: Request) -> Call:
    """Read the query of a GET and the form of a POST; `InvalidArgumentError` for another body."""
    if request.method == "GET":
        text = request.url.query
    else:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise InvalidArgumentError("body", "must be a form (application/x-www-form-urlencoded)")
        text = (await _body(request)).decode("latin-1")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidArgumentError("body", "is not a form in UTF-8") from error
    return head_of(request, fields)


def head_of(request: Request, parameters: Mapping[str, list[str]] | None = None) -> Call:
    """Read what is before the body."""
    # authlib looks for `Authorization`.
    headers = {name.title(): value for name, value in request.headers.items()}
    return Call(request.method, request.url.path, headers, parameters or {})


async def json_of(request: Request, fields: Collection[str]) -> tuple[str, ...]:
    """Read a JSON object of just these fields, each a text; gives them in order.

    Raises `InvalidArgumentError`.
    """
    try:
        body = json.loads(await _body(request))
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError("body", "must be JSON") from error
    if not isinstance(body, dict):
        raise InvalidArgumentError("body", "must be a JSON object")
    if unknown := body.keys() - set(fields):
        raise InvalidArgumentError(min(unknown), "is unknown")
    return tuple(_text(body, name) for name in fields)


def cookies_of(request: Request) -> Mapping[str, str]:
    """Read the cookies as they were set, which is without quotes in our case.

    Python's own reader takes quotes off, in time by the square of a value's length before 3.11.10
    (CVE-2024-7592).
    """
    pairs = (
        pair.partition("=")
        for line in request.headers.getlist("cookie")
        for pair in line.split(";")
    )
    return {name.strip(): value.strip() for name, _, value in pairs}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise InvalidArgumentError("body", f"must be at most {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InvalidArgumentError(name, "must be given, as text")
    return value
