"""How calls to siblings are tried again: one policy, whoever repeats the call.

That is gRPC itself by its service config (`channels`), a channel that signs each try anew
(`signed_channel`), or the sidecar (`gateway.sidecar.outbound`).
"""

from typing import Final

__all__ = [
    "BACKOFF_MULTIPLIER",
    "FIRST_BACKOFF_S",
    "MAX_ATTEMPTS",
    "MAX_BACKOFF_S",
    "MAX_TOKENS",
    "TOKEN_RATIO",
]

MAX_ATTEMPTS: Final = 3
"""Tries of one call, the first included."""

FIRST_BACKOFF_S: Final = 0.02
BACKOFF_MULTIPLIER: Final = 2
MAX_BACKOFF_S: Final = 0.1
"""Both waits together are well under a tenth of a call's time."""

MAX_TOKENS: Final = 20
TOKEN_RATIO: Final = 0.1
"""The budget (gRFC A6): each failure costs one token, each success earns a tenth, and below half of
them nothing is retried. A sibling in trouble gets about 10 % more load from retries, not 200 %."""
