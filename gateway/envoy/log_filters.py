"""Envoy's access log filters, by which logs, figures and mappers of local replies choose requests.

Each function builds one; those that take filters put them together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.envoy.waf import GRPC

__all__ = [
    "BY_GRPC",
    "NOT_BY_GRPC",
    "NO_GRPC_TYPE",
    "all_of",
    "any_of",
    "grpc_status",
    "header_is_not",
    "path_is",
    "status",
]

LogFilter = dict[str, Any]


def all_of(*filters: Mapping[str, Any]) -> LogFilter:
    """Hold where all of these do."""
    return {"and_filter": {"filters": list(filters)}}


def any_of(*filters: Mapping[str, Any]) -> LogFilter:
    """Hold where one of these does, or more."""
    return {"or_filter": {"filters": list(filters)}}


def status(op: str, number: int) -> LogFilter:
    """Hold for answers whose HTTP status compares so (EQ, NE, GE, LE) to `number`."""
    value = {"default_value": number, "runtime_key": f"aviary.status.{op}.{number}"}
    return {"status_code_filter": {"comparison": {"op": op, "value": value}}}


def grpc_status(names: Iterable[str], *, exclude: bool = False) -> LogFilter:
    """Hold for answers with one of these gRPC statuses, or, to exclude them, with any other."""
    others = {"exclude": True} if exclude else {}
    return {"grpc_status_filter": {"statuses": list(names), **others}}


def header_is_not(name: str, pattern: str) -> LogFilter:
    """Hold for requests whose header does not match, or is missing."""
    return {"header_filter": {"header": _not_matching(name, pattern)}}


def path_is(*paths: str) -> LogFilter:
    """Hold for requests of one of these paths, whatever their query."""
    pattern = f"({'|'.join(paths)})([?].*)?"
    header = {"name": ":path", "string_match": {"safe_regex": {"regex": pattern}}}
    return {"header_filter": {"header": header}}


def _not_matching(name: str, pattern: str) -> dict[str, Any]:
    return {
        "name": name,
        "string_match": {"safe_regex": {"regex": pattern}},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }


NO_GRPC_TYPE: Final = _not_matching("content-type", GRPC)
"""The matcher of headers, as routes take it too, that holds for any media type but gRPC's."""

# The transcoder makes gRPC of requests over REST, and notes what they were.
_TRANSCODED: Final = "x-envoy-original-method"
BY_GRPC: Final = all_of(
    {
        "header_filter": {
            "header": {"name": "content-type", "string_match": {"safe_regex": {"regex": GRPC}}}
        }
    },
    {"header_filter": {"header": {"name": _TRANSCODED, "present_match": False}}},
)
"""Holds for a call by gRPC or gRPC-Web."""
NOT_BY_GRPC: Final = any_of(
    {"header_filter": {"header": NO_GRPC_TYPE}},
    {"header_filter": {"header": {"name": _TRANSCODED, "present_match": True}}},
)
"""Holds for any other request."""
