"""What a subject's requests say against it. Pure: from an edge's log of one batch to points."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.control_plane.keys import subject_key
from gateway.control_plane.limiter import age_of
from gateway.limits.budgets import Age, Subject

__all__ = ["NEW_ACCOUNT_FACTOR", "REPEATED_POST_POINTS", "SHARED_ADDRESS_POINTS", "Seen", "points"]

REFUSED_POINTS = 3.0
"""401, 403: a wrong token now and then is an expired one, many are guesses."""

MALFORMED_POINTS = 1.0
"""Other 4xx: a client with a bug makes a few."""

NOT_FOUND_POINTS = 0.5
"""404: a deleted tweet is nobody's fault; walking ids makes hundreds."""

LIMITED_POINTS = 5.0
"""429, of which the edge logs one in ten: whoever minds `retry-after` gets one now and then."""

VELOCITY_POINTS = 0.5
"""For each write of a subject in one batch beyond `UNHURRIED_WRITES`."""

UNHURRIED_WRITES = 5
"""A batch is about a second, and no hand writes faster."""

REPEATED_POST_POINTS = 5.0
"""For each post of a text that the user posted before, within the hour."""

SHARED_ADDRESS_POINTS = 2.0
"""For each account beyond what one address has in an hour."""

NEW_ACCOUNT_FACTOR = 2.0
"""The same from a new account says more."""

_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND, _LIMITED = 401, 403, 404, 429
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as an edge logged it."""

    user: str
    """Empty where the subject is not known."""
    address: str
    """With the length of its prefix, as the limits count it."""
    status: int
    """As over REST, where it was a call by gRPC too."""
    is_write: bool
    digest: str = ""
    """Of the text that was posted; empty for any other request."""


def points(batch: Iterable[Seen], now_ms: int) -> dict[str, float]:
    """Sum up what the batch says against each subject; those with nothing are left out.

    A known user answers for itself; only what no user answers for falls on the address, so that a
    whole office does not pay for one of it.
    """
    sums: dict[str, float] = defaultdict(float)
    writes: Counter[str] = Counter()
    factors: dict[str, float] = {}
    for seen in batch:
        who = _answerable(seen)
        new = bool(seen.user) and age_of(seen.user, now_ms) is Age.NEW
        factors[who] = NEW_ACCOUNT_FACTOR if new else 1.0
        sums[who] += _status_points(seen.status)
        writes[who] += seen.is_write
    for who, count in writes.items():
        sums[who] += VELOCITY_POINTS * max(0, count - UNHURRIED_WRITES)
    return {who: total * factors[who] for who, total in sums.items() if total > 0}


def _answerable(seen: Seen) -> str:
    return (
        subject_key(Subject.USER, seen.user) if seen.user else subject_key(Subject.IP, seen.address)
    )


def _status_points(status: int) -> float:
    if status in (_UNAUTHENTICATED, _FORBIDDEN):
        return REFUSED_POINTS
    if status == _NOT_FOUND:
        return NOT_FOUND_POINTS
    if status == _LIMITED:
        return LIMITED_POINTS
    return MALFORMED_POINTS if status in _CLIENT_ERRORS else 0.0
