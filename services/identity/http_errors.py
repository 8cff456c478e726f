"""What the issuer's listener answers where something is wrong: in the shape of whoever asked.

OAuth clients read `error` and `error_description` (RFC 6749, 5.2); who speaks JSON with us reads
what every error at the edge looks like. Where nobody answers at a path, the caller may be either.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.identity.account_endpoints import NO_STORE
from services.identity.spec import OAUTH_ERRORS, OAUTH_PATHS
from services.platform.errors import AviaryError, TooManyRequestsError
from services.platform.rpc.http_statuses import HTTP_STATUS
from services.platform.rpc.status import status_of

__all__ = ["domain_error", "internal_error", "no_such_method", "no_such_path", "oauth_error"]

INTERNAL: Final = 500


def oauth_error(_: Request, error: Exception) -> Response:
    """Answer an error of authlib's, or of ours in its form."""
    status, body, headers = error()  # type: ignore[operator]
    return JSONResponse(body, status, {**NO_STORE, **dict(headers)})


def domain_error(request: Request, error: Exception) -> Response:
    """Answer an error of a use case."""
    known = status_of(error) if isinstance(error, AviaryError) else None
    if known is None or not isinstance(error, AviaryError):
        raise error
    code, _status = known
    number = code.value[0]
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.reason,
        "domain": "aviary",
        "metadata": dict(error.metadata),
    }
    status = HTTP_STATUS.get(code.name, INTERNAL)
    if not isinstance(error, TooManyRequestsError):
        return _answer(request, status, _of_the_edge(number, str(error), detail))
    wait_s = math.ceil(error.retry_after_s)
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": f"{wait_s}s"}
    body = _of_the_edge(number, str(error), detail, retry)
    return _answer(request, status, body, {"Retry-After": str(wait_s)})


def internal_error(request: Request, _error: Exception) -> Response:
    """Answer an error that nobody expected; Starlette logs it whole, and raises it again."""
    body = _of_the_edge(13, "Something went wrong on our side.")
    return _answer(request, INTERNAL, body)


def no_such_path(_: Request, _error: Exception) -> Response:
    """Answer where there is nothing, in both shapes."""
    body = _of_the_edge(5, "no such path or method")
    return JSONResponse({**body, **_of_oauth(404, body)}, 404, NO_STORE)


def no_such_method(request: Request, error: Exception) -> Response:
    """Answer a method that a path does not take; `Allow` says which it takes."""
    allowed = (error.headers or {}) if isinstance(error, HTTPException) else {}
    body = _of_the_edge(12, "this path does not take this method")
    return _answer(request, 405, body, allowed)


def _answer(
    request: Request, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    shown = _of_oauth(status, body) if request.url.path in OAUTH_PATHS else body
    return JSONResponse(shown, status, {**NO_STORE, **(headers or {})})


def _of_the_edge(code: int, message: str, *details: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"code": code, "message": message, "details": list(details)}


def _of_oauth(status: int, body: Mapping[str, Any]) -> Mapping[str, Any]:
    # A description has no quotation mark and no backslash (RFC 6749, A.8).
    said = str(body["message"]).replace('"', "'").replace("\\", "/")
    return {"error": OAUTH_ERRORS.get(status, "invalid_request"), "error_description": said}
