"""Limits that all edges share, asked of the gateway's rate limit service: for writes only."""

from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import http_filter
from gateway.envoy.matching import labelled
from gateway.envoy.subjects import gate, the_subject
from gateway.limits.budgets import Subject, WithoutValkey
from gateway.limits.table import CLASSES, PROOF_HEADER, SAFELISTED_SCOPE
from services.platform.security.identities import GATEWAY

__all__ = ["PLAIN", "READS", "shared_limits"]

READS = "/[^/]+/(Get|List|Search|Stream).*|/v1/(timeline|stream)/.*"
"""The paths of reads, known by the names of their RPCs; a test holds the table to it."""

PLAIN = "/(oauth/|media/|[.]).*"
"""Paths of the issuer, and of pictures' bytes, which are no RPC's; none of these is open. What else
is none has no class, and nothing is asked."""


def shared_limits(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filter for classes that stay open without Valkey, and for those that close."""
    return [_asking(mode, config) for mode in (WithoutValkey.OPEN, WithoutValkey.CLOSED)]


def _asking(mode: WithoutValkey, config: EdgeConfig) -> dict[str, Any]:
    actions = [
        _only(mode),
        gate("x-scope", _regex(f"(.* )?{SAFELISTED_SCOPE}( .*)?"), passes=False),
        labelled("class", "class"),
        the_subject(Subject.IP),
        the_subject(Subject.USER, optional=True),
        the_subject(Subject.APP, optional=True),
        {
            "request_headers": {
                "header_name": PROOF_HEADER,
                "descriptor_key": "proof",
                "skip_if_absent": True,
            }
        },
    ]
    return http_filter(
        "ratelimit",
        "RateLimit",
        domain="aviary",
        stat_prefix=mode.value,
        rate_limits=[{"actions": actions}],
        timeout=config.decision_timeout,
        failure_mode_deny=mode is WithoutValkey.CLOSED,
        status_on_error={"code": "ServiceUnavailable"},
        rate_limited_as_resource_exhausted=True,
        disable_x_envoy_ratelimited_header=True,
        rate_limit_service={
            "grpc_service": {"envoy_grpc": {"cluster_name": GATEWAY}},
            "transport_api_version": "V3",
        },
    )


def _only(mode: WithoutValkey) -> dict[str, Any]:
    """Go on for this mode's paths alone; for any other no descriptor is made and nothing asked.

    One short pattern, since every read runs it: reads are known by their names.
    """
    closed = [one for one in CLASSES if one.without_valkey is WithoutValkey.CLOSED]
    rpcs = [f".*/{rpc.rpartition('/')[2]}" for one in closed for rpc in one.rpcs]
    if mode is WithoutValkey.OPEN:
        return gate(":path", _regex("|".join([READS, PLAIN, *rpcs])), passes=False)
    paths = [f"{path}.*" for one in closed for path in one.paths]
    return gate(":path", _regex("|".join([*rpcs, *paths])), passes=True)


def _regex(pattern: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": pattern}}
