"""Steps up, from the client's side: the proof of work that the edge may ask for.

A proof is the challenge, a colon and a number, so chosen that SHA-256 of it all begins with enough
zero bits (hashcash: Back, 2002).
"""

import hashlib
import itertools
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from services.platform.error_reasons import Reason

__all__ = [
    "CHALLENGES",
    "FLOWS",
    "PROOF_HEADER",
    "PROVEN_HEADER",
    "asked_for_proof",
    "proof_of",
    "solve",
    "zero_bits",
]

PROOF_HEADER: Final = "x-proof-of-work"
"""Where the proof goes, in HTTP and in gRPC metadata alike."""
PROVEN_HEADER: Final = "x-work-proven"
"""By which the edge lets the issuer know that a proof came with the request, and was good. Nobody
outside can send it."""
CHALLENGES: Final = "/v1/challenges"
FLOWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/v1/tweets": "post",
        "/v1/users": "sign-up",
        "/oauth/token": "token",
        "/oauth/log-in": "log-in",
        "/oauth/password": "log-in",
    }
)
"""What a challenge is asked for, by the path that wants its proof."""
_TOO_MANY_REQUESTS: Final = 429


def asked_for_proof(path: str, status: int, body: bytes) -> str | None:
    """Give the flow to ask a challenge for, where this answer wants a proof; else None."""
    if status != _TOO_MANY_REQUESTS or path not in FLOWS:
        return None
    try:
        details = json.loads(body)["details"]
        asked = any(detail.get("reason") == Reason.STEP_UP_REQUIRED for detail in details)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return FLOWS[path] if asked else None


def proof_of(challenge: Mapping[str, Any]) -> str:
    """Find the proof of a challenge as the edge gives it; blocks for a second or so."""
    return solve(str(challenge["challenge"]), int(challenge["difficulty_bits"]))


def solve(challenge: str, difficulty_bits: int) -> str:
    """Find the proof; takes about 2**difficulty_bits hashes."""
    return next(
        proof
        for number in itertools.count()
        if zero_bits(proof := f"{challenge}:{number}") >= difficulty_bits
    )


def zero_bits(proof: str) -> int:
    """Count the zero bits that the proof's digest begins with."""
    digest = hashlib.sha256(proof.encode()).digest()
    return 8 * len(digest) - int.from_bytes(digest).bit_length()
