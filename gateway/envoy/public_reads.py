"""Reads of what is public: whether they need a token. The gateway's flags say so, as Aviary runs.

What the contracts call a public read passes the filters of tokens and scopes without a token. One
more filter, which comes from the gateway, refuses it there; it is empty while public reads are on.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.envoy.config import EdgeConfig
from gateway.envoy.contracts import PublicRpc
from gateway.envoy.credentials import JWT_MISSING, has_token
from gateway.envoy.matching import discovered_filter
from gateway.envoy.subject_labels import gateway_source
from gateway.envoy.waf import Refusal

__all__ = ["FILTER", "REFUSALS", "UNIDENTIFIED", "public_read_filters", "public_read_settings"]

FILTER: Final = "aviary.public-reads"
UNIDENTIFIED: Final = "token-missing"
# As where a token is missing elsewhere.
REFUSALS: Final = {UNIDENTIFIED: Refusal(401, 16, JWT_MISSING)}


def public_read_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filter; until the gateway has spoken it does as the edge's own setting says.

    It belongs behind the filter of tokens. While the gateway is away, the last word stays.
    """
    if config.unauthenticated:
        return []
    settings = public_read_settings(config.contracts.public, opened=config.public_reads)
    return [discovered_filter(FILTER, gateway_source(), settings)]


def public_read_settings(rpcs: Sequence[PublicRpc], *, opened: bool) -> dict[str, Any]:
    """Build the filter's settings: none while reads are open."""
    if opened:
        return {}
    paths = [path for rpc in rpcs if rpc.public_read for path in rpc.paths]
    permissions = [{"url_path": {"path": {"exact": path}}} for path in paths]
    policy = {"permissions": permissions, "principals": [{"not_id": has_token()}]}
    return {"rules": {"action": "DENY", "policies": {UNIDENTIFIED: policy}}}
