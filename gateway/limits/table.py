"""The one table of limits.

Envoy's configuration, the limiter's decisions and docs/reference/rate-limits.md are made from it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.limits.budgets import Budgets, EndpointClass, TokenBucket
from gateway.limits.read_classes import READ_CLASSES
from gateway.limits.spans import QUARTER_HOUR
from gateway.limits.write_classes import WRITE_CLASSES
from services.platform.rpc.end_user import ACT_ANY
from services.platform.security.step_up import PROOF_HEADER

__all__ = [
    "ANY_REQUEST",
    "CLASSES",
    "IPV6_PREFIX_BITS",
    "NEW_ACCOUNT_DAYS",
    "PROOF_HEADER",
    "SAFELISTED_SCOPE",
    "by_name",
]

NEW_ACCOUNT_DAYS: Final = 7
"""Most throw-away accounts are caught within a week; an honest newcomer hardly feels the limits."""

SAFELISTED_SCOPE: Final = ACT_ANY
"""Internal jobs (loaders, erasure) carry it; they are bounded by what they are given to do."""

IPV6_PREFIX_BITS: Final = 64
"""What one customer is given: a limit on single addresses would limit nobody."""

ANY_REQUEST: Final = Budgets(
    TokenBucket(20_000, 5),
    TokenBucket(900_000, QUARTER_HOUR),
    "before tokens are checked, so that a flood costs no signatures; per address, on any path",
)

CLASSES: Final = READ_CLASSES + WRITE_CLASSES


def by_name() -> Mapping[str, EndpointClass]:
    """Give the classes by name."""
    return MappingProxyType({one.name: one for one in CLASSES})
