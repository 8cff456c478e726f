"""The signing keys: published before they sign, and until all that they signed has expired."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import structlog
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, OctKey, RSAKey

from services.identity.model import SigningKey
from services.identity.store import Records
from services.platform.audit.port import KEY_ADDED, KEY_RETIRED, KEY_WITHDRAWN, Audit
from services.platform.config.secret_keys import SecretKeys
from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.observability.log_events import EVENT_IDENTITY_KEYS_STALE
from services.platform.runtime.clock import Clock
from services.platform.tokens.issuers import JWKS_CACHE_S
from services.platform.tokens.lives import ACCESS_TOKEN_S, SKEW_S

__all__ = [
    "ALGORITHM",
    "LEAD_S",
    "RSA_ALGORITHM",
    "SEALING_KEY_BYTES",
    "KeyPair",
    "Keyring",
    "Keyrings",
    "SealError",
]

KeyPair = ECKey | RSAKey

ALGORITHM: Final = "ES256"
"""Tokens of 600 bytes where RS256 makes 900: of all that edges check on each request."""

RSA_ALGORITHM: Final = "RS256"
"""What OpenID Connect has every issuer sign ID tokens with, unless a client asks for another (Core,
15.1)."""

RSA_BITS: Final = 2048
"""NIST's least until 2030, and 3 times as fast to sign with as 3072."""

SEALING_KEY_BYTES: Final = 32
"""AES-256."""

POLL_S: Final = 5.0
"""Between looks for keys that other processes, or an operator, have made."""

LEAD_S: Final = 2 * (JWKS_CACHE_S + POLL_S)
"""From publishing a key to signing with it: twice as long as it takes the last edge to see it."""


KID_BYTES: Final = 8
FIRST: Final = "first"
"""The row of the first key; every other key's is its kid."""
_MS: Final = 1_000
_SEAL: Final = {"alg": "dir", "enc": "A256GCM"}
_log = structlog.get_logger()


class SealError(Exception):
    """The private keys cannot be opened."""


class Keyring:
    """The keys of the store, as of the last `refresh`."""

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        records: Records[SigningKey],
        sealing_keys: SecretKeys,
        clock: Clock,
        audit: Audit,
        *,
        algorithm: str = ALGORITHM,
        lead_s: float = LEAD_S,
        signed_lives_s: int = ACCESS_TOKEN_S,
    ) -> None:
        self._records = records
        self._sealing_keys = sealing_keys
        self._clock = clock
        self._audit = audit
        self._algorithm = algorithm
        self._lead_ms = round(lead_s * _MS)
        self._kept_ms = (signed_lives_s + SKEW_S) * _MS
        self._known: dict[str, SigningKey] = {}
        self._opened: dict[str, KeyPair] = {}

    async def refresh(self) -> None:
        """See what the store holds, make the first key, and forget keys that are done."""
        known = dict(await self._records.all())
        if not known:
            await self._make_first()
            known = dict(await self._records.all())
        for name in self._done(known):
            done = known.pop(name)
            if await self._records.remove(name, done):
                self._audit.record(KEY_RETIRED, kid=done.public["kid"])
        self._opened = {
            name: self._opened.get(name) or self._open(key) for name, key in known.items()
        }
        self._known = known

    async def rotate(self) -> tuple[str, int]:
        """Make a key that signs from later on; gives its kid and that time in Unix milliseconds."""
        if not await self._records.all():
            await self._make_first()
        kid, key = await self._drawn(signs_from_ms=self._clock.now_ms() + self._lead_ms)
        await self._records.put(kid, key)
        self._added(key)
        return kid, key.signs_from_ms

    async def withdraw(self, kid: str) -> bool:
        """Take a key back at once, whatever it has signed; false where it is none of this ring's.

        Raises `InvalidArgumentError` for the only one, since what takes its place must be there.
        """
        known = await self._records.all()
        for name, key in known.items():
            if key.public["kid"] != kid:
                continue
            if len(known) == 1:
                raise InvalidArgumentError("kid", "is the only key: rotate-signing-key first")
            if await self._records.remove(name, key):
                self._audit.record(KEY_WITHDRAWN, kid=kid)
            return True
        return False

    def signing(self) -> KeyPair:
        """The private key to sign with now: the newest that has been published long enough.

        By a clock that is behind none may have been; then the oldest has for the longest.
        """
        now = self._clock.now_ms()
        known = [(key.signs_from_ms, name) for name, key in self._known.items()]
        if not known:
            raise UnavailableError("there is no key to sign with yet")
        ripe = [(from_ms, name) for from_ms, name in known if from_ms <= now]
        return self._opened[max(ripe)[1] if ripe else min(known)[1]]

    def jwks(self) -> Mapping[str, Any]:
        """The public keys, as RFC 7517 has them."""
        return {"keys": [key.public for _, key in sorted(self._known.items())]}

    async def refresh_or_warn(self) -> None:
        """Refresh, or go on with the keys that are known; to be done every `POLL_S`."""
        try:
            await self.refresh()
        except UnavailableError as error:
            _log.warning(EVENT_IDENTITY_KEYS_STALE, error=str(error))

    async def _make_first(self) -> None:
        """Make the key that signs from now on: nobody has a JWKS of ours, so nobody needs notice.

        Of processes that start at once one makes it, or they would sign with keys that the edge
        has not seen.
        """
        _, key = await self._drawn(signs_from_ms=self._clock.now_ms())
        if await self._records.add(FIRST, key):
            self._added(key)

    def _added(self, key: SigningKey) -> None:
        self._audit.record(KEY_ADDED, kid=key.public["kid"], signs_from_ms=key.signs_from_ms)

    async def _drawn(self, *, signs_from_ms: int) -> tuple[str, SigningKey]:
        kid = secrets.token_hex(KID_BYTES)
        # In a thread: RSA looks for primes for a good part of a second.
        pair = await asyncio.to_thread(_pair, self._algorithm, kid)
        private = json.dumps(pair.as_dict(private=True)).encode()
        public = {name: str(value) for name, value in pair.as_dict(private=False).items()}
        seal = OctKey.import_key(self._sealing_keys()[0])
        sealed = jwe.encrypt_compact({**_SEAL, "kid": kid}, private, seal)
        return kid, SigningKey(public, sealed, signs_from_ms)

    def _open(self, key: SigningKey) -> KeyPair:
        for seal in self._sealing_keys():
            with contextlib.suppress(JoseError):
                opened = jwe.decrypt_compact(key.sealed, OctKey.import_key(seal))
                kind = RSAKey if self._algorithm == RSA_ALGORITHM else ECKey
                return kind.import_key(json.loads(opened.plaintext or b""))
        raise SealError("the signing keys were sealed with another AVIARY_IDENTITY_KEY")

    def _done(self, known: Mapping[str, SigningKey]) -> list[str]:
        """Keys whose successor has signed for longer than anything signed before it lives."""
        order = sorted(known, key=lambda name: (known[name].signs_from_ms, name))
        now = self._clock.now_ms()
        return [
            name
            for name, successor in pairwise(order)
            if known[successor].signs_from_ms + self._kept_ms < now
        ]


@dataclass(frozen=True, slots=True)
class Keyrings:
    """All that the issuer signs with."""

    tokens: Keyring
    """Of access tokens, and of ID tokens for apps that take ES256."""
    id_tokens: Keyring
    """Of ID tokens for apps that take RS256, and of nothing else: edges do not know these keys."""
    app_keys: Keyring

    def of_id_tokens(self, algorithm: str) -> Keyring:
        """Return what signs the ID tokens of an app that takes this algorithm."""
        return self.id_tokens if algorithm == RSA_ALGORITHM else self.tokens

    async def withdraw(self, kid: str) -> None:
        """Take a key back at once; `InvalidArgumentError` where there is none, or no other."""
        for ring in (self.tokens, self.id_tokens, self.app_keys):
            if await ring.withdraw(kid):
                return
        raise InvalidArgumentError(
            "kid", "there is no such signing key, or no longer: see key.withdrawn in the audit log"
        )

    def jwks(self) -> Mapping[str, Any]:
        """The public keys of access tokens and ID tokens, for apps."""
        return {"keys": [*self.tokens.jwks()["keys"], *self.id_tokens.jwks()["keys"]]}


def _pair(algorithm: str, kid: str) -> KeyPair:
    parameters: KeyParameters = {"kid": kid, "use": "sig", "alg": algorithm}
    if algorithm == RSA_ALGORITHM:
        return RSAKey.generate_key(RSA_BITS, parameters)
    return ECKey.generate_key("P-256", parameters)
