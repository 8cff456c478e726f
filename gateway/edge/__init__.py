"""Envoy's bootstrap, built from one frozen `EdgeConfig`.

The edge turns REST into gRPC from the `google.api.http` annotations in the descriptor set. Only
annotated RPCs can be reached: a raw gRPC path from outside is refused before transcoding.
"""

from gateway.edge.bootstrap import bootstrap, to_yaml
from gateway.edge.config import PUBLIC_SERVICES, EdgeConfig, process_of

__all__ = ["PUBLIC_SERVICES", "EdgeConfig", "bootstrap", "process_of", "to_yaml"]
