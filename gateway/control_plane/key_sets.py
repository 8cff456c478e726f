"""The issuer's public keys, kept for edges that start while it cannot answer; and those withdrawn.

They come from the issuer itself, over a channel that names it, and from nobody else. A copy lies in
Valkey for gateways that start at such a time too; it is sealed with the gateways' own key, for
others can write there.

A key is withdrawn when the issuer publishes others in its place. Edges remember the tokens that
they have checked, so they are told, for as long as what it signed may live.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

import grpc.aio
from aviary.identity.v1 import key_set_service_pb2 as pb
from aviary.identity.v1.key_set_service_pb2_grpc import KeySetServiceStub
from redis.exceptions import ResponseError

from gateway.control_plane.keys import KEY_SETS_KEY
from services.platform.config.secret_keys import SecretKeys
from services.platform.errors import UnavailableError
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.clock import Clock, is_recent
from services.platform.tokens.issuers import APP_KEYS_PATH, JWKS_PATH
from services.platform.tokens.lives import ACCESS_TOKEN_S, APP_KEY_S, SKEW_S
from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["POLL_S", "IssuerKeys", "KeySetCopy", "KeySetSource", "KeySets"]

POLL_S: Final = 5.0
"""Between looks at the issuer: well within the minute in which edges see a change by themselves."""

UNKNOWN_POLL_S: Final = 0.5
"""While none are known, as when all start at once."""

KEPT_MS: Final = 24 * 3_600_000
"""How old a copy may be: longer than an outage of the issuer should last, and bounded, so that who
has kept an old copy cannot bring back keys that were withdrawn long ago."""

LIVES_MS: Final = {
    JWKS_PATH: (ACCESS_TOKEN_S + SKEW_S) * 1_000,
    APP_KEYS_PATH: (APP_KEY_S + SKEW_S) * 1_000,
}
"""How long what a key of each set signed may be good: after that, edges may forget that it was
withdrawn."""

_PURPOSE: Final = b"aviary.key-sets.v1"
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class KeySetSource(Protocol):
    """The issuer."""

    async def published(self) -> Mapping[str, str]:
        """Give its key sets of the moment, as JSON, by their paths. Raises `UnavailableError`."""
        ...


class IssuerKeys:
    """A client of `aviary.identity.v1.KeySetService`; a `KeySetSource`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = KeySetServiceStub(channel)

    async def published(self) -> Mapping[str, str]:
        """Ask the issuer."""
        answer = await self._rpc.call(self._stub.GetKeySets, pb.GetKeySetsRequest())
        return {JWKS_PATH: answer.tokens, APP_KEYS_PATH: answer.app_keys}


@dataclass(frozen=True, slots=True)
class _Copy:
    """Key sets as the issuer gave them to some gateway."""

    at_ms: int
    sets: Mapping[str, str]
    withdrawn: Mapping[str, int]
    """The `kid` of each, with the Unix milliseconds when it can be forgotten."""

    def followed_by(self, published: Mapping[str, str], now_ms: int) -> "_Copy":
        """Give what is known when the issuer has published these next."""
        # A process of the issuer that knows no keys yet has withdrawn none.
        sets = {path: keys for path, keys in published.items() if _kids(keys)}
        gone = {
            kid: now_ms + LIVES_MS[path]
            for path in sets.keys() & self.sets.keys()
            for kid in _kids(self.sets[path])
        }
        there = frozenset[str]().union(*map(_kids, sets.values()))
        withdrawn = {
            kid: until_ms
            for kid, until_ms in {**gone, **self.withdrawn}.items()
            if kid not in there and until_ms > now_ms
        }
        return _Copy(now_ms, {**self.sets, **sets}, withdrawn)


class KeySetCopy:
    """The copy that gateways share, in Valkey; every method raises `UnavailableError`."""

    def __init__(self, client: ValkeyClient, keys: SecretKeys) -> None:
        self._client = client
        self._keys = keys

    async def write(self, copy: _Copy) -> None:
        """Replace what is there."""
        facts = {
            "at_ms": copy.at_ms,
            "sets": dict(copy.sets),
            "withdrawn": dict(copy.withdrawn),
        }
        said = json.dumps(facts).encode()
        with valkey_errors():
            await self._client.set(KEY_SETS_KEY, _mac(self._keys()[0], said) + said, px=KEPT_MS)

    async def read(self) -> _Copy | None:
        """Read it; None where there is none, or one that no gateway has written."""
        found: Any = None
        with valkey_errors():
            try:
                found = await self._client.get(KEY_SETS_KEY)
            except ResponseError as error:
                # Somebody put another type there, which the next write replaces.
                if "WRONGTYPE" not in str(error):
                    raise
        if found is None:
            return None
        mac, said = found[: hashlib.sha256().digest_size], found[hashlib.sha256().digest_size :]
        if not any(hmac.compare_digest(mac, _mac(key, said)) for key in self._keys()):
            return None
        body = json.loads(said)
        # One of a gateway of before says nothing of withdrawn keys.
        return _Copy(body["at_ms"], body["sets"], body.get("withdrawn", {}))


class KeySets:
    """What the issuer published last, as far as any gateway knows; to be refreshed in a loop."""

    def __init__(self, issuer: KeySetSource, copy: KeySetCopy, clock: Clock) -> None:
        self._issuer = issuer
        self._copy = copy
        self._clock = clock
        self._known = _Copy(0, _NONE, _NONE)
        self._has_seen_copy = False

    def current(self) -> Mapping[str, str]:
        """The key sets by their paths; empty as long as none are known."""
        return self._known.sets

    def withdrawn(self) -> frozenset[str] | None:
        """The `kid` of each key that was withdrawn; None until it is known what others knew."""
        return frozenset(self._known.withdrawn) if self._has_seen_copy else None

    async def refresh(self) -> float | None:
        """Ask the issuer, or take a younger copy where it cannot answer; raises nothing for that.

        Gives the seconds until the next look where that is not to be `POLL_S`.
        Raises `UnavailableError` where Valkey cannot answer; what the issuer says counts before.
        """
        now_ms = self._clock.now_ms()
        try:
            published = await self._issuer.published()
        except UnavailableError:
            self._learn(await self._copy.read(), now_ms)
        else:
            self._known = self._known.followed_by(published, now_ms)
            if copy := await self._copy.read():
                others = copy.followed_by(published, now_ms)
                withdrawn = {**others.withdrawn, **self._known.withdrawn}
                self._known = replace(self._known, withdrawn=withdrawn)
            self._has_seen_copy = True
            await self._copy.write(self._known)
        return None if self._known.sets else UNKNOWN_POLL_S

    def _learn(self, copy: _Copy | None, now_ms: int) -> None:
        if copy is not None and is_recent(copy.at_ms, now_ms, KEPT_MS):
            self._known = max(self._known, copy, key=lambda each: each.at_ms)
        self._has_seen_copy = True


def _kids(keys: str) -> frozenset[str]:
    return frozenset(key["kid"] for key in json.loads(keys)["keys"])


def _mac(key: bytes, said: bytes) -> bytes:
    own = hmac.digest(key, _PURPOSE, "sha256")
    return hmac.digest(own, said, "sha256")
