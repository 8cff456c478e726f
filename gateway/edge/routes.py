"""Which service answers which path."""

from typing import Any

from gateway.edge.config import PUBLIC_SERVICES, EdgeConfig
from gateway.edge.upstreams import REQUEST_TIMEOUT

__all__ = ["routes"]


def routes(config: EdgeConfig) -> dict[str, Any]:  # noqa: ARG001 - what is to vary is in there
    """Build the route table. The transcoder has rewritten paths by the time they are matched."""
    return {
        "name": "edge",
        "virtual_hosts": [
            {
                "name": "edge",
                "domains": ["*"],
                "routes": [_grpc(name, service) for name, service in PUBLIC_SERVICES.items()],
            }
        ],
    }


def _grpc(name: str, service: str) -> dict[str, Any]:
    return {
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
