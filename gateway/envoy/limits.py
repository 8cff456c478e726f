"""Rate limits in Envoy, made from the table: token buckets in memory, no call for a read.

The buckets of an edge are shared by its worker threads and known to no other edge. What must be
exact over all edges (writes, sign-ups, log-ins) is also asked of the rate limit service.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import http_filter
from gateway.envoy.matching import by_header, class_by_path, label, labelled, named
from gateway.envoy.shared_limits import shared_limits
from gateway.envoy.subject_labels import age_filter, reputation_filter
from gateway.envoy.subjects import (
    ADDRESS,
    AGE,
    GATE,
    REPUTATION,
    age_of,
    gate,
    reputation_of,
    the_subject,
)
from gateway.limits.budgets import (
    Age,
    Budget,
    EndpointClass,
    Reputation,
    Subject,
    TokenBucket,
    divisor,
    edge_bucket,
    kinds_of,
    reputation_divisor,
    shrunk,
)
from gateway.limits.table import ANY_REQUEST, CLASSES, SAFELISTED_SCOPE

__all__ = ["FLOOD", "LIMITED_BY", "arrival_limits", "endpoint_limits"]

# Subjects whose buckets an edge remembers, per kind of bucket; then the longest unseen is forgotten
# and begins anew with a full one.
MAX_SUBJECTS = 50_000
ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
CLASS = "class"
SAFELISTED = "safelisted"
BUDGETS = ("burst", "sustained")
FLOOD = "flood"
"""The budget of an address, whatever it asks for."""
LIMITED_BY = "x-limited-by"
"""Names the budget that refused, until the answer is worded."""


def arrival_limits(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build what a request meets before anything is known of it but its address."""
    if not config.limits:
        return []
    return [_headers(), reputation_filter(Subject.IP), _flood_limiter()]


def endpoint_limits(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build what a request meets when its RPC and its subjects are known."""
    if not config.limits:
        return []
    labels = [_class_label(config), reputation_filter(Subject.USER), age_filter()]
    local = [_limiter_of_subjects(name, config) for name in BUDGETS]
    return [*labels, *local, *shared_limits(config)]


def _headers() -> dict[str, Any]:
    script = (files("gateway.envoy") / "limit_headers.lua").read_text()
    return http_filter("lua", "Lua", default_source_code={"inline_string": script})


def _class_label(config: EdgeConfig) -> dict[str, Any]:
    """Note the endpoint's class; that of a safelisted request is one that no budget knows."""
    scope = {"google_re2": {}, "regex": f"(.* )?{SAFELISTED_SCOPE}( .*)?"}
    carried = {"input": by_header("x-scope"), "value_match": {"safe_regex": scope}}
    safe = {"predicate": {"single_predicate": carried}, "on_match": named(SAFELISTED)}
    paths = {rpc.name: rpc.paths for rpc in config.contracts.public}
    by_path = {"matcher": class_by_path(CLASSES, paths)}
    return label(CLASS, {"matcher_list": {"matchers": [safe]}, "on_no_match": by_path})


def _flood_limiter() -> dict[str, Any]:
    """Limit an address, whatever it asks for."""
    buckets = [
        _bucket(
            [("budget", name), _anyone(Subject.IP), (REPUTATION, reputation)],
            edge_bucket(shrunk(budget, reputation_divisor(reputation)), is_shared=False),
        )
        for name, budget in ANY_REQUEST.named()
        for reputation in Reputation
    ]
    policies = [
        [_constant("budget", name), the_subject(Subject.IP), reputation_of(Subject.IP)]
        for name, _ in ANY_REQUEST.named()
    ]
    return _limiter(FLOOD, policies, buckets)


def _limiter_of_subjects(name: str, config: EdgeConfig) -> dict[str, Any]:
    """Limit users, apps and addresses by one of their two budgets, in every class.

    Each in a filter of its own, for a filter reports one bucket only: the one that fills slowest,
    or the one that refused.
    """
    own = [
        gate("x-client-id", {"exact": client}, passes=False)
        for client in config.first_party_clients
    ]
    policies = [
        [
            *(own if subject is Subject.APP else []),
            labelled(CLASS, CLASS),
            the_subject(subject),
            *([age_of()] if subject is Subject.USER else []),
            *([reputation_of(subject)] if subject is not Subject.APP else []),
        ]
        for subject in Subject
    ]
    buckets = [
        _class_bucket(endpoints, subject, dict(budgets.named())[name], who, gates=len(own))
        for endpoints in CLASSES
        for subject, budgets in endpoints.budgets.items()
        for who in kinds_of(subject)
    ]
    return _limiter(name, policies, buckets)


def _class_bucket(
    endpoints: EndpointClass,
    subject: Subject,
    budget: Budget,
    who: tuple[Age, Reputation],
    *,
    gates: int,
) -> dict[str, Any]:
    age, reputation = who
    entries = [(GATE, "x-client-id")] * gates if subject is Subject.APP else []
    entries += [(CLASS, endpoints.name), _anyone(subject)]
    if subject is Subject.USER:
        entries.append((AGE, age))
    if subject is not Subject.APP:
        entries.append((REPUTATION, reputation))
    # Where a proof lifts what bad reputation costs, the service divides, which knows of proofs.
    minded = Reputation.GOOD if endpoints.step_up else reputation
    left = shrunk(budget, divisor(endpoints, age, minded))
    return _bucket(entries, edge_bucket(left, is_shared=endpoints.is_shared))


def _anyone(subject: Subject) -> tuple[str, str]:
    """Match any value of a subject's entry; each value gets a bucket of its own."""
    return (ADDRESS if subject is Subject.IP else subject.value), ""


def _bucket(entries: Sequence[tuple[str, str]], bucket: TokenBucket) -> dict[str, Any]:
    return {
        "entries": [{"key": key, "value": str(value)} for key, value in entries],
        "token_bucket": {
            "max_tokens": bucket.capacity,
            "tokens_per_fill": bucket.capacity,
            "fill_interval": f"{bucket.refill_s}s",
        },
    }


def _constant(key: str, value: str) -> dict[str, Any]:
    return {"generic_key": {"descriptor_key": key, "descriptor_value": value}}


def _limiter(
    name: str, policies: Sequence[Sequence[dict[str, Any]]], buckets: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return http_filter(
        "local_ratelimit",
        "LocalRateLimit",
        stat_prefix=name,
        filter_enabled=ALWAYS,
        filter_enforced=ALWAYS,
        rate_limits=[{"actions": list(actions)} for actions in policies],
        descriptors=list(buckets),
        max_dynamic_descriptors=MAX_SUBJECTS,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        rate_limited_as_resource_exhausted=True,
        response_headers_to_add=[{"header": {"key": LIMITED_BY, "value": name}}],
    )
