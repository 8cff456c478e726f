"""Requests to a limited edge, and what the page of the limits promises them."""

import itertools
import re
from pathlib import Path

import httpx

from gateway.limits.budgets import Subject
from tests.edge.limited_edge import (
    SETTLED_USER,
    LimitedEdge,
)

__all__ = ["ADDRESSES", "TIMEOUT_S", "ask", "assert_refused", "documented", "headers_of"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rate-limits.md"


TIMEOUT_S = 30.0


REQUESTS = {
    "home": ("GET", "/v1/timeline/home?user_id=1", None),
    "timeline": ("GET", "/v1/timeline/user?user_id=1", None),
    "lookup": ("GET", "/v1/users/1", None),
    "lookups": ("GET", "/v1/users?ids=1", None),
    "search": ("GET", "/v1/trends", None),
    "engagement": ("GET", "/v1/bookmarks?user_id=1", None),
    "notifications": ("GET", "/v1/notifications?user_id=1", None),
    "unread": ("GET", "/v1/notifications/unread_count?user_id=1", None),
    "media": ("GET", "/v1/media/1", None),
    "pictures": ("GET", "/media/files/1", None),
    "uploads": ("PUT", "/media/uploads/1", None),
    "upload": ("POST", "/v1/media", {"user_id": "1"}),
    "lists": ("POST", "/v1/lists", {"user_id": "1", "name": "a"}),
    "relations": ("GET", "/v1/users/1/followers", None),
    "health": ("GET", "/healthz", None),
    "post": ("POST", "/v1/tweets", {"user_id": "1", "text": "a"}),
    "delete": ("DELETE", "/v1/tweets/1", None),
    "engage": ("POST", "/v1/like", {"user_id": "1", "tweet_id": "1"}),
    "follow": ("POST", "/v1/follow", {"follower_id": "1", "followee_id": "2"}),
    "visibility": ("POST", "/v1/block", {}),
    "account": ("DELETE", "/v1/users/1", None),
    "sign-up": ("POST", "/v1/users", {"handle": "abc"}),
    "log-in": ("POST", "/oauth/log-in", None),
    "token": ("POST", "/oauth/token", None),
    "issuer": ("GET", "/oauth/jwks", None),
    "challenge": ("POST", "/v1/challenges", {"flow": "post"}),
}


ADDRESSES = (f"198.51.{high}.{low}" for high, low in itertools.product(range(256), range(256)))


def documented(endpoint_class: str, subject: str, budget: str = "burst") -> int:
    """Read from the page how many requests are let through at once.

    For a window that the edge keeps by a bucket, the page says what the bucket holds; where the
    service keeps it too, that is the tighter one.
    """
    section = PAGE.read_text().split(f"\n## {endpoint_class}\n")[1].split("\n## ")[0]
    row = rf"^\| {subject} \| {budget} \| \w+ ([\d,]+) per .*\| ([\d,]+) per .*\|$"
    ((allowed, at_the_edge),) = re.findall(row, section, re.MULTILINE)
    return min(int(one.replace(",", "")) for one in (allowed, at_the_edge))


def headers_of(subject: Subject, number: int) -> dict[str, str]:
    """Headers of somebody new, who has no other budget than that of its subject and address."""
    headers = {"x-forwarded-for": next(ADDRESSES)}
    if subject is Subject.USER:
        headers["x-user-id"] = str(int(SETTLED_USER) + number)
    if subject is Subject.APP:
        headers["x-client-id"] = f"app-{number}"
    return headers


async def ask(edge: LimitedEdge, endpoint_class: str, headers: dict[str, str]) -> httpx.Response:
    method, path, body = REQUESTS[endpoint_class]
    return await edge.client.request(method, path, json=body, headers=headers)


def assert_refused(answer: httpx.Response) -> int:
    """Check a refusal in every part; gives the seconds it asks to wait."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["x-rate-limit-remaining"] == "0"
    wait = int(answer.headers["retry-after"])
    assert wait == max(1, int(answer.headers["x-rate-limit-reset"]))
    error = answer.json()
    assert error["code"] == 8
    assert error["message"]
    info, retry = error["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "aviary"
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retry_delay": f"{wait}s",
    }
    assert not any("x-ratelimit" in name or name == "x-limited-by" for name in answer.headers)
    return wait
