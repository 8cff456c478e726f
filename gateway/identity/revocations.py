"""Tells the edges of what was revoked, so that it ends within seconds instead of by itself.

Sessions and users are told of at once. API keys, which live long, and which commands revoke in
other processes, are told of again and again from the store: what carries the news to the edges may
lose it.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import structlog

from gateway.identity.keys import SKEW_S
from gateway.identity.model import ACCESS_TOKEN_S
from gateway.identity.ports import Revocable, RevokedList
from gateway.identity.store import IdentityStore
from services.clock import Clock
from services.errors import UnavailableError
from services.telemetry import EVENT_IDENTITY_REVOCATIONS_UNTOLD

__all__ = ["Revocations"]

POLL_S: Final = 2.0
"""Within which a revoked API key is told of, with one scan of a small table."""
_MS: Final = 1_000
_log = structlog.get_logger()


class Revocations:
    """Keeps what could not be told, and tells it when that can be done."""

    def __init__(self, store: IdentityStore, edges: RevokedList, clock: Clock) -> None:
        self._store = store
        self._edges = edges
        self._clock = clock
        self._untold: dict[Revocable, dict[str, int]] = defaultdict(dict)

    async def revoke(self, kind: Revocable, name: str) -> None:
        """Have access tokens of this session or user refused.

        Never fails: what cannot be told now is told later, or has expired by then.
        """
        self._untold[kind][name] = self._clock.now_ms() + (ACCESS_TOKEN_S + SKEW_S) * _MS
        await self._tell_of(kind)

    async def tell(self) -> None:
        """Tell what is untold, and of every revoked API key."""
        for kind in tuple(self._untold):
            await self._tell_of(kind)
        revoked = await self._store.revoked_app_keys.all()
        until = {name: one.expires_at_ms + SKEW_S * _MS for name, one in revoked.items()}
        await self._add(Revocable.APP_KEY, until)

    async def tell_or_warn(self) -> None:
        """Tell, or leave it for the next time; to be done every `POLL_S`."""
        try:
            await self.tell()
        except UnavailableError as error:
            _log.warning(EVENT_IDENTITY_REVOCATIONS_UNTOLD, error=str(error))

    async def _tell_of(self, kind: Revocable) -> None:
        now_ms, untold = self._clock.now_ms(), self._untold[kind]
        told = {name: until for name, until in untold.items() if now_ms < until}
        try:
            await self._add(kind, told)
        except UnavailableError as error:
            _log.warning(EVENT_IDENTITY_REVOCATIONS_UNTOLD, error=str(error))
            return
        # More may have come meanwhile, and what has expired is nobody's any more.
        for name in [name for name in untold if name in told or untold[name] <= now_ms]:
            untold.pop(name, None)

    async def _add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        if until_ms:
            await self._edges.add(kind, until_ms)
