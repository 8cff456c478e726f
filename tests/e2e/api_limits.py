"""Every limit of the public API, as a value that it lets pass and one that it does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message as Proto
from google.protobuf.message_factory import GetMessageClass

from gateway.envoy import own_contracts
from gateway.envoy.contracts import PublicRpc
from gateway.openapi.messages import Field, messages

__all__ = ["Case", "cases", "request_of"]

# Nobody has these ids: what passes the checks ends in NOT_FOUND, and leaves nothing behind.
END_USER, OTHER = 9_000_001, 9_000_002
END_USER_FIELDS = {"follower_id", "blocker_id", "muter_id", "user_id"}
VALID: dict[str, Any] = {
    "handle": "a",
    "display_name": "a",
    "text": "a",
    "followee_ids": [OTHER],
    "request_id": "",
    "cursor": "",
    "limit": 0,
    "expansions": "",
    "query": "a",
    "word": "a",
    "sort": "",
    "flow": "post",
    "in_reply_to_tweet_id": 0,
    "quote_tweet_id": 0,
    "ids": str(OTHER),
    "since_id": 0,
    "bio": "a",
    "language": "en",
    "content_type": "",
    "size": 0,
    "alt_text": "",
    "media_ids": [],
    "name": "a",
    "description": "",
    "private": False,
    "protected": False,
    "visibility": "",
}
# What a rule without an expression lets pass, and what not.
OF_FORMATS: dict[str, tuple[str, str]] = {
    "tweet-text": ("a" * 280, "a" * 281),
    "display-name": ("é" * 50, "a\u0007a"),
    "ids": (str(OTHER), str(1 << 63)),
    "bio": ("é" * 160, "a\u0007a"),
    "cursor": ("", "a" * 34),
    "alt-text": ("é" * 1000, "a\u0007a"),
    "name-prefix": ("@a", "@!"),
    "muted-word": ("é" * 100, "!"),
    "list-name": ("é" * 25, "a\u0007a"),
    "list-description": ("é" * 100, "a\u0007a"),
    "search-query": ("cats -dogs from:a", "-dogs"),
}
OUTSIDE_PATTERNS = "é"


@dataclass(frozen=True, slots=True)
class Case:
    """One limit of one field."""

    rpc: PublicRpc
    field: str
    limit: str
    at: Any
    past: Any

    def __str__(self) -> str:
        return f"{self.rpc.method}.{self.field}.{self.limit}"


def cases() -> list[Case]:
    contracts = own_contracts()
    known = messages(contracts.files)
    return [
        Case(rpc, field.name, *limit)
        for rpc in contracts.public
        if not rpc.lasting  # an answer that is right has no end
        for field in known[rpc.request].fields
        for limit in _limits(field)
    ]


def request_of(case: Case, value: Any) -> Proto:
    """Build the request in which one field has this value, and all others a valid one."""
    request: Proto = GetMessageClass(_pool().FindMessageTypeByName(case.rpc.request))()
    for field in request.DESCRIPTOR.fields:
        given = value if field.name == case.field else _valid(field.name)
        if isinstance(given, list):
            getattr(request, field.name).extend(given)
        else:
            setattr(request, field.name, given)
    return request


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in own_contracts().files.file:
        pool.Add(file)
    return pool


def _valid(name: str) -> Any:
    return VALID.get(name, END_USER if name in END_USER_FIELDS else OTHER)


def _limits(field: Field) -> Iterator[tuple[str, Any, Any]]:
    for limit, value in field.limits.ListFields():
        yield (limit.name, *_around(field, limit.name, value))


def _around(field: Field, limit: str, value: Any) -> tuple[Any, Any]:
    step = 1 if limit.startswith("max") else -1
    if limit in {"min", "max"}:
        numbers = value, value + step
        return ([numbers[0]], [numbers[1]]) if field.repeated else numbers
    if limit.endswith("length"):
        return "a" * value, "a" * (value + step)
    if limit.endswith("items"):
        return _ids(value), _ids(value + step)
    if limit == "format":
        return OF_FORMATS[value]
    return _valid(field.name), OUTSIDE_PATTERNS


def _ids(count: int) -> list[int]:
    return list(range(OTHER, OTHER + count))
