"""docs/reference/rate-limits.md, made from the table."""

from collections.abc import Iterator
from typing import Final

from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from gateway.limits.budgets import (
    Age,
    Budget,
    EndpointClass,
    Reputation,
    SlidingWindow,
    WithoutValkey,
    edge_bucket,
    reputation_divisor,
)
from gateway.limits.table import (
    ANY_REQUEST,
    CLASSES,
    IPV6_PREFIX_BITS,
    NEW_ACCOUNT_DAYS,
    SAFELISTED_SCOPE,
)

__all__ = ["page", "rest_paths"]

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_INTRODUCTION: Final = f"""\
# Rate limits

<!-- Made by `make generate` from gateway/limits/table.py; do not edit. -->

Every request counts against budgets of its user, its app and its address (an IPv6 address by its
/{IPV6_PREFIX_BITS}), for its class of endpoints, each with a burst and a sustained budget. It must
fit into all of them.

The answer shows the burst or the sustained budget, whichever has less left: the user's own where
there is a user, else the address's. A refusal names the budget that refused, whoever's it is.

| header | what it says |
| --- | --- |
| `x-rate-limit-limit` | requests that the full budget allows at once |
| `x-rate-limit-remaining` | requests left now |
| `x-rate-limit-reset` | seconds until one more request is let through; 0 when one would be now |
| `retry-after` | on 429: seconds to wait, never less than 1 |

A refusal is 429 with `code` 8 (RESOURCE_EXHAUSTED), a `google.rpc.ErrorInfo` and a
`google.rpc.RetryInfo`. The reason is `RATE_LIMITED`, and the metadata names the `budget`; or it is
`STEP_UP_REQUIRED`, and the metadata says where to ask for a `challenge`, whose solution in the
header `x-proof-of-work` lets the request through.

- **Bucket** `N per T`: N requests at once; an empty bucket fills evenly and is full after T.
- **Window** `N per T`: at most N in any span of T, wherever it begins. For reads the edge keeps it
  with a bucket of N/2 that fills in T, so that what is saved up and what flows in add up to N.
  Elsewhere it is counted in sixtieths, and the slot that has half left the window counts in full.

Reads are counted by each edge in its own memory, shared by its threads; with R edges behind one
balancer a subject may get up to R times as much. Writes, sign-ups and log-ins are counted by all
edges together, in Valkey; each edge's own buckets, of twice the size, only keep a flood from it.
Envoy's `local_cluster_rate_limit` would divide the edges' buckets by their number where an edge
knows its siblings.

Budgets are divided for:

| subject | by |
| --- | --- |
| user whose account is younger than {NEW_ACCOUNT_DAYS} days | the class's own divisor, below |
| user or address of suspect reputation | {reputation_divisor(Reputation.SUSPECT)} |
| user or address of hostile reputation | {reputation_divisor(Reputation.HOSTILE)} |

One request is always left. The operator's own apps have no budgets as apps. Requests with
scope `{SAFELISTED_SCOPE}` are not counted by class.
"""


def page(descriptors: FileDescriptorSet) -> str:
    """Render the page; the same text each time."""
    paths = rest_paths(descriptors)
    sections = [_INTRODUCTION, _any_request(), *(_section(one, paths) for one in CLASSES)]
    return "\n".join(sections)


def rest_paths(descriptors: FileDescriptorSet) -> dict[str, str]:
    """Give `GET /v1/…` by the full name of the RPC, for each RPC that has one.

    The path of an RPC that gives another's answers as JSON is that one's.
    """
    return {
        f"{file.package}.{service.name}/{_answered(method)}": shown
        for file in descriptors.file
        for service in file.service
        for method in service.method
        if (shown := _rest_path(method))
    }


def _answered(method: MethodDescriptorProto) -> str:
    return method.options.Extensions[access_pb2.json_of] or method.name


def _rest_path(method: MethodDescriptorProto) -> str | None:
    rule = method.options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return None if verb is None else f"{verb.upper()} {getattr(rule, verb)}"


def _any_request() -> str:
    rows = [
        f"| address | {name} | {_amount(budget)} | {_bucket(budget, is_shared=False)} |"
        for name, budget in ANY_REQUEST.named()
    ]
    return "\n".join(
        ["## Any request\n", f"{ANY_REQUEST.why.capitalize()}.\n", *_head(), *rows, ""]
    )


def _section(endpoints: EndpointClass, paths: dict[str, str]) -> str:
    shown = [f"`{paths[rpc]}`" for rpc in endpoints.rpcs] + [f"`{at}`" for at in endpoints.paths]
    lines = [f"## {endpoints.name}\n", ", ".join(shown) + "\n", f"- {_without_valkey(endpoints)}"]
    if endpoints.new_account_divisor > 1:
        lines.append(
            f"- {Age.NEW.capitalize()} accounts: divided by {endpoints.new_account_divisor}."
        )
    if endpoints.step_up:
        lines.append(
            "- Of suspect reputation: `x-proof-of-work` lifts the division for one request."
        )
    if not endpoints.minds_reputation:
        lines.append("- Of suspect reputation: not divided.")
    return "\n".join([*lines, "", *_head(), *_rows(endpoints), "", *_reasons(endpoints), ""])


def _without_valkey(endpoints: EndpointClass) -> str:
    return {
        WithoutValkey.NOT_ASKED: "Counted by the edge alone; Valkey is not asked.",
        WithoutValkey.OPEN: "Without Valkey: open, within each edge's own buckets.",
        WithoutValkey.CLOSED: "Without Valkey: closed (503).",
    }[endpoints.without_valkey]


def _head() -> list[str]:
    return ["| subject | budget | allows | bucket at the edge |", "| --- | --- | --- | --- |"]


def _rows(endpoints: EndpointClass) -> Iterator[str]:
    for subject, budgets in endpoints.budgets.items():
        for name, budget in budgets.named():
            edge = _bucket(budget, is_shared=endpoints.is_shared)
            yield f"| {subject} | {name} | {_amount(budget)} | {edge} |"


def _reasons(endpoints: EndpointClass) -> list[str]:
    return [f"- {subject}: {budgets.why}." for subject, budgets in endpoints.budgets.items()]


def _amount(budget: Budget) -> str:
    if isinstance(budget, SlidingWindow):
        return f"window {budget.limit:,} per {_span(budget.window_s)}"
    return f"bucket {budget.capacity:,} per {_span(budget.refill_s)}"


def _bucket(budget: Budget, *, is_shared: bool) -> str:
    bucket = edge_bucket(budget, is_shared=is_shared)
    return f"{bucket.capacity:,} per {_span(bucket.refill_s)}"


def _span(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return unit if count == 1 else f"{count} {unit}s"
