"""What Envoy itself calls, as `package.Service/Method`; the gateway answers edges alone."""

from typing import Final

__all__ = ["ACCESS_LOGS", "CONFIGS", "ENVOY_RPCS", "RATE_LIMIT"]

RATE_LIMIT: Final = "envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
CONFIGS: Final = "envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs"
ACCESS_LOGS: Final = "envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"

ENVOY_RPCS: Final = frozenset({RATE_LIMIT, CONFIGS, ACCESS_LOGS})
