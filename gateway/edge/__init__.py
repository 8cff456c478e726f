"""Envoy's bootstrap, built from one frozen `EdgeConfig`.

The edge turns REST into gRPC from the `google.api.http` annotations in the descriptor set. Only
annotated RPCs can be reached: a raw gRPC path from outside is refused before transcoding.
"""

from gateway.edge.bootstrap import bootstrap, to_yaml
from gateway.edge.config import DEFAULT_STATS_PORT, PUBLIC_SERVICES, EdgeConfig

__all__ = ["DEFAULT_STATS_PORT", "PUBLIC_SERVICES", "EdgeConfig", "bootstrap", "to_yaml"]
