"""Brings what Envoys refused, and whose tokens they took, into the audit log.

Envoy writes a line of JSON for each refusal, and for some of what it let in, to a file of its own
(`gateway.envoy.observing`, `gateway.sidecar.connections`). A flood of refusals of one kind becomes
one entry a second with a count, so that nobody fills the audit log by knocking.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from services.platform.audit.following import LOST, UNREADABLE, Fields, JsonLines
from services.platform.audit.port import (
    EDGE_DENIED,
    LIMIT_HIT,
    SIBLING_DENIED,
    TOKEN_ACCEPTED,
    Audit,
    Fact,
)
from services.platform.audit.tally import Tally
from services.platform.security.identities import name_in

__all__ = ["DENIAL_FIELDS", "EdgeDecisions", "edge_decisions", "sidecar_denials"]

DENIAL_FIELDS: Final = ("status", "grpc", "rpc", "remote", "user", "client", "reason")
"""What makes two refusals of one kind; the edge writes these, and `request_id`."""

ACCEPTED_FIELDS: Final = ("user", "client", "remote")
"""What makes two uses of tokens the same."""

RECORDED_AGAIN_S: Final = 3_600.0
"""Use of tokens by one user, app and address is recorded once in this time. Tokens live for a
quarter of it, so each entry stands for several, whose issue is in the log one by one."""

MAX_KNOWN: Final = 100_000
"""Users of tokens remembered, about 30 MB; with more, some are recorded more than once."""

TOO_MANY_REQUESTS: Final = 429
DENIED: Final = frozenset({401, 403})
EXHAUSTED: Final = "ResourceExhausted"
DENIED_GRPC: Final = frozenset({"Unauthenticated", "PermissionDenied"})
RBAC: Final = "rbac_access_denied"
"""How Envoy's reason begins where its own RBAC refused, and not the service behind it."""


class EdgeDecisions:
    """Takes the edge's lines: counts refusals, records once an hour whose tokens were taken."""

    def __init__(self, audit: Audit, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._tally = Tally(audit)
        self._monotonic = monotonic
        self._known: set[tuple[Fact, ...]] = set()
        self._known_since_s = monotonic()

    def take(self, lines: Sequence[Fields]) -> None:
        """Record them."""
        for fields in lines:
            event = _event(fields)
            if event == TOKEN_ACCEPTED:
                self._accepted(fields)
            else:
                example = {"request_id": _fact(fields.get("request_id"))}
                self._tally.count(event, _facts(fields, DENIAL_FIELDS), example)
        self._tally.write()

    def _accepted(self, fields: Fields) -> None:
        now_s = self._monotonic()
        if now_s - self._known_since_s >= RECORDED_AGAIN_S or len(self._known) >= MAX_KNOWN:
            self._known, self._known_since_s = set(), now_s
        who = tuple(_fact(fields.get(name)) for name in ACCEPTED_FIELDS)
        if who not in self._known:
            facts = _facts(fields, (*ACCEPTED_FIELDS, "rpc", "request_id"))
            self._audit.record(TOKEN_ACCEPTED, **facts)
            self._known.add(who)


def edge_decisions(
    path: Path, audit: Audit, monotonic: Callable[[], float] = time.monotonic
) -> JsonLines:
    """Follow the file of the edge of this machine."""
    return JsonLines(path, EdgeDecisions(audit, monotonic).take)


def sidecar_denials(path: Path, audit: Audit) -> JsonLines:
    """Follow the file of a service's own sidecar: calls that it refused in the service's stead."""
    tally = Tally(audit)

    def take(lines: Sequence[Fields]) -> None:
        for fields in lines:
            reason = str(fields.get("details", fields.get("reason", "")))
            # What the service itself refused, it has recorded itself, and more of it.
            if _is_of_the_file(fields) or reason.startswith(RBAC):
                peer = name_in(str(fields.get("caller", ""))) or ""
                method = str(fields.get("path", "")).removeprefix("/")
                facts = {
                    "method": method,
                    "caller": peer,
                    "reason": reason or str(fields["reason"]),
                }
                tally.count(SIBLING_DENIED, facts)
        tally.write()

    return JsonLines(path, take)


def _is_of_the_file(fields: Fields) -> bool:
    """Whether it says what is wrong with the file, and is no line of it."""
    return fields is UNREADABLE or fields is LOST


def _event(fields: Fields) -> str:
    status, grpc = fields.get("status"), fields.get("grpc")
    if status == TOO_MANY_REQUESTS or grpc == EXHAUSTED:
        return LIMIT_HIT
    if _is_of_the_file(fields) or status in DENIED or grpc in DENIED_GRPC:
        return EDGE_DENIED
    return TOKEN_ACCEPTED


def _facts(fields: Fields, names: Sequence[str]) -> dict[str, Fact]:
    found = ((name, _fact(fields.get(name))) for name in names)
    return {name: fact for name, fact in found if fact}


def _fact(value: object) -> Fact:
    return value if isinstance(value, (str, int)) else ""
