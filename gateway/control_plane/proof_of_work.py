"""Steps up: a challenge that a subject meets before a risky flow goes on.

The default is a proof of work after hashcash (Back, 2002): a signed challenge, bound to the flow,
the subject and a time, and a number that makes SHA-256 of both begin with enough zero bits. It
makes a flood dear and costs a person's device a fraction of a second. `StepUp` is what a CAPTCHA
provider would implement in its place.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.control_plane.keys import proof_key
from services.platform.config.secret_keys import SecretKeys
from services.platform.errors import InvalidArgumentError
from services.platform.runtime.clock import CLOCK_SKEW_MS, Clock
from services.platform.security.step_up import zero_bits
from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["KEY_BYTES", "Challenge", "ProofOfWork", "StepUp"]

DIFFICULTY_BITS: Final = 18
"""A quarter of a million hashes: a tenth of a second in a phone's native code, a few seconds in
plain JavaScript; a thousand sign-ups cost an attacker minutes of a core each time."""

LIFETIME_S: Final = 300
"""Time to solve it on a slow device and to fill in a form."""

KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_VERSION: Final = "1"
_MS_PER_S: Final = 1_000
_LONGEST_LEFT_MS: Final = LIFETIME_S * _MS_PER_S + CLOCK_SKEW_MS
# A solver never needs more digits; longer is somebody's attempt at our memory.
_MAX_PROOF_CHARS: Final = 512


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a subject is to solve."""

    text: str
    difficulty_bits: int
    expires_ms: int


class StepUp(Protocol):
    """Asks more of a subject before a risky flow goes on."""

    def issue(self, flow: str, who: str) -> Challenge:
        """Make a challenge for this flow and subject; it is kept nowhere."""
        ...

    async def verify(self, flow: str, who: str, proof: str) -> bool:
        """Whether the proof is right, in time, for this flow and subject, and used the first time.

        Raises UnavailableError when it cannot be known whether it was used before.
        """
        ...


class ProofOfWork:
    """The step-up that needs nobody else."""

    def __init__(
        self,
        client: ValkeyClient,
        clock: Clock,
        keys: SecretKeys,
        *,
        difficulty_bits: int = DIFFICULTY_BITS,
    ) -> None:
        self._client = client
        self._clock = clock
        self._keys = keys
        self._difficulty_bits = difficulty_bits

    def issue(self, flow: str, who: str) -> Challenge:
        """Make a challenge; raises InvalidArgumentError for a flow that cannot be written."""
        if not flow.replace("-", "").isalnum():
            raise InvalidArgumentError("flow", "wanted letters, digits and -")
        expires_ms = self._clock.now_ms() + LIFETIME_S * _MS_PER_S
        nonce = secrets.token_hex(_NONCE_BYTES)
        unsigned = f"{_VERSION}.{flow}.{self._difficulty_bits}.{expires_ms}.{nonce}"
        text = f"{unsigned}.{_signature(self._keys()[0], unsigned, who)}"
        return Challenge(text, self._difficulty_bits, expires_ms)

    async def verify(self, flow: str, who: str, proof: str) -> bool:
        """Check a proof as `StepUp.verify` says; the subject itself is in the signature alone."""
        if len(proof) > _MAX_PROOF_CHARS:
            return False
        challenge, _, _ = proof.rpartition(":")
        unsigned, _, signature = challenge.rpartition(".")
        expected = (_signature(key, unsigned, who) for key in self._keys())
        # Before anything is read from it: what is not signed by us is not parsed.
        if not any(hmac.compare_digest(signature.encode(), each.encode()) for each in expected):
            return False
        _, its_flow, bits, expires_ms, _ = unsigned.split(".")
        # Neither past its end nor longer than any lives: then a clock was ahead when it was issued,
        # and by the time it ends the first use is forgotten.
        left_ms = int(expires_ms) - self._clock.now_ms()
        in_time = 0 < left_ms <= _LONGEST_LEFT_MS
        if its_flow != flow or not in_time or zero_bits(proof) < int(bits):
            return False
        return await self._is_first(challenge)

    async def _is_first(self, challenge: str) -> bool:
        digest = hashlib.sha256(challenge.encode()).hexdigest()
        with valkey_errors():
            first = await self._client.set(proof_key(digest), b"1", nx=True, px=_LONGEST_LEFT_MS)
            return bool(first)


def _signature(key: bytes, unsigned: str, who: str) -> str:
    code = hmac.digest(key, f"{unsigned}\n{who}".encode(), "sha256")
    return base64.urlsafe_b64encode(code[:_SIGNATURE_BYTES]).decode().rstrip("=")
