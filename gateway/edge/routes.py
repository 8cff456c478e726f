"""Which service answers which path."""

from typing import Any

from gateway.edge.auth import JWT_AUTHN, NO_SCOPE, SCOPES_FILTER
from gateway.edge.config import PUBLIC_SERVICES, EdgeConfig
from gateway.edge.issuers import IDENTITY_CLUSTER
from gateway.edge.upstreams import REQUEST_TIMEOUT
from services.rpc.caller import SCOPE_KEY

__all__ = ["routes"]


# The embedded issuer's own: it checks who calls, and speaks HTTP.
IDENTITY_MATCHES = ({"prefix": "/oauth/"}, {"path": "/.well-known/openid-configuration"})
SKIPPED_BY_IDENTITY = ("envoy.filters.http.grpc_json_transcoder", JWT_AUTHN, SCOPES_FILTER)


def routes(config: EdgeConfig) -> dict[str, Any]:
    """Build the route table. The transcoder has rewritten paths by the time they are matched."""
    return {
        "name": "edge",
        "virtual_hosts": [
            {
                "name": "edge",
                "domains": ["*"],
                "routes": [
                    *_identity(config),
                    *(_grpc(name, service, config) for name, service in PUBLIC_SERVICES.items()),
                ],
            }
        ],
    }


def _identity(config: EdgeConfig) -> list[dict[str, Any]]:
    if config.identity_http is None:
        return []
    skipped = SKIPPED_BY_IDENTITY[: 1 if config.unauthenticated else None]
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    return [
        {
            "match": match,
            "route": {
                "cluster": IDENTITY_CLUSTER,
                "timeout": REQUEST_TIMEOUT,
                # Nothing was begun; a code or a refresh token must not be used up twice.
                "retry_policy": {"retry_on": "connect-failure", "num_retries": 2},
            },
            "typed_per_filter_config": dict.fromkeys(skipped, off),
        }
        for match in IDENTITY_MATCHES
    ]


def _grpc(name: str, service: str, config: EdgeConfig) -> dict[str, Any]:
    outside = {} if config.unauthenticated else {"request_headers_to_add": [_from_outside()]}
    return {
        **outside,
        # A token was for the edge; no service could be made to misuse it.
        "request_headers_to_remove": ["authorization"],
        "match": {"prefix": f"/{service}/"},
        "route": {
            "cluster": name,
            "timeout": REQUEST_TIMEOUT,
            # None of these was begun, so a second try cannot do anything twice: a server that
            # is told to stop answers `cancelled` to what reaches it in that moment.
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,cancelled",
                "num_retries": 2,
            },
        },
    }


def _from_outside() -> dict[str, Any]:
    # Services take a call without this header for a sibling's.
    header = {"key": SCOPE_KEY, "value": NO_SCOPE}
    return {"header": header, "append_action": "ADD_IF_ABSENT"}
