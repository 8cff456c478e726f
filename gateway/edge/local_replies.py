"""Errors that Envoy itself answers, in the JSON shape that services' errors have at the edge.

`{"code": <google.rpc.Code>, "message": "...", "details": [...]}`, as the transcoder renders a
`google.rpc.Status`; UNAVAILABLE comes with a `RetryInfo`, as it does from services.
"""

from typing import Any, NamedTuple

from gateway.edge.waf import REFUSALS, Refusal, refused_as

__all__ = ["local_reply_config"]

# Envoy's own words, where they tell the caller what to mend (a JSON parser's complaint).
ENVOYS_WORDS = "%LOCAL_REPLY_BODY%"


class _Reply(NamedTuple):
    """How one status of Envoy's is shown."""

    envoy_status: int
    code: int
    message: str
    shown_status: int | None = None


# google.rpc.Code for each status Envoy can make; the last line is for any other.
REPLIES = (
    _Reply(400, 3, ENVOYS_WORDS),
    # Access control refuses raw gRPC paths; a caller should not even learn that they exist.
    _Reply(403, 5, "no such path or method", 404),
    _Reply(404, 5, "no such path or method"),
    _Reply(405, 12, "this path does not take this method"),
    _Reply(408, 4, "the request took too long to arrive"),
    _Reply(413, 3, "the request body is too large"),
    _Reply(415, 3, "the request body must be JSON"),
    _Reply(429, 8, "too many requests"),
    _Reply(431, 3, "the request headers are too large"),
    _Reply(500, 13, "internal error"),
    _Reply(502, 14, "the service broke off its answer; try again"),
    _Reply(503, 14, "the service is unavailable; try again"),
    _Reply(504, 4, "the service took too long to answer"),
)
UNKNOWN = 2
UNAVAILABLE = 14
# A service that died is started again, and found healthy, in about this time.
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"}


def _body(code: int, message: str) -> dict[str, Any]:
    details = [RETRY_INFO] if code == UNAVAILABLE else []
    return {"json_format": {"code": code, "message": message, "details": details}}


def _mapper(reply: _Reply) -> dict[str, Any]:
    mapper: dict[str, Any] = {
        "filter": {
            "status_code_filter": {
                "comparison": {
                    "op": "EQ",
                    "value": {
                        "default_value": reply.envoy_status,
                        "runtime_key": f"aviary.local_reply.{reply.envoy_status}",
                    },
                }
            }
        },
        "body_format_override": _body(reply.code, reply.message),
    }
    if reply.shown_status is not None:
        mapper["status_code"] = reply.shown_status
    return mapper


def _refusal(name: str, shown: Refusal) -> dict[str, Any]:
    return {
        "filter": refused_as(name),
        "status_code": shown.status,
        "body_format_override": _body(shown.code, shown.message),
    }


def local_reply_config() -> dict[str, Any]:
    """Give the connection manager's `local_reply_config`."""
    return {
        "mappers": [
            *(_refusal(name, shown) for name, shown in REFUSALS.items()),
            *(_mapper(reply) for reply in REPLIES),
        ],
        "body_format": _body(UNKNOWN, ENVOYS_WORDS),
    }
