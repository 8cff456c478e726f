"""Publishes to the edges what was revoked, so that it ends within seconds instead of by itself.

What is revoked is a row before it is published, and every issuer publishes the rows again and
again: what carries the lists to the edges may lose them, and who revoked something may be gone.
"""

import heapq
from operator import itemgetter
from typing import Final

import structlog

from services.identity.model import Revocation
from services.identity.store import IdentityStore
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_IDENTITY_REVOCATIONS_UNSENT
from services.platform.runtime.clock import Clock
from services.platform.tokens.edge_lists import MAX_LISTED
from services.platform.tokens.lives import SKEW_S
from services.platform.tokens.revocations import LIVES_S, Revocable, RevokedList

__all__ = ["Revocations"]

POLL_S: Final = 2.0
"""Within which an API key that a command revoked is published, and a lost list restored."""
_MS: Final = 1_000
_LAST_MS: Final = (1 << 63) - 1
_HELD: Final = 4 * MAX_LISTED
"""Names in memory at a time; there may be more rows."""
_BY_ROW: Final = (Revocable.SESSION, Revocable.USER)
_log = structlog.get_logger()


class Revocations:
    """Keeps what was revoked until it has expired, and publishes it."""

    def __init__(self, store: IdentityStore, edges: RevokedList, clock: Clock) -> None:
        self._store = store
        self._edges = edges
        self._clock = clock

    async def revoke(self, kind: Revocable, name: str) -> None:
        """Have access tokens of this session or user refused; on return that is durable.

        Published at once, if that can be done, else within seconds of when it can. Raises
        `UnavailableError` when it cannot be kept.
        """
        until_ms = self._clock.now_ms() + (LIVES_S[kind] + SKEW_S) * _MS
        await self._store.revocations.put(_row(kind, name, until_ms), Revocation(name, until_ms))
        try:
            await self._edges.add(kind, {name: until_ms})
        except UnavailableError as error:
            _log.warning(EVENT_IDENTITY_REVOCATIONS_UNSENT, error=str(error))

    async def publish(self) -> None:
        """Publish all that still counts; forget API keys that have expired."""
        for kind in _BY_ROW:
            await self._edges.restore(kind, await self._newest(kind))
        await self._edges.restore(Revocable.APP_KEY, await self._app_keys())

    async def publish_or_warn(self) -> None:
        """Publish, or leave it for the next time; to be done every `POLL_S`."""
        try:
            await self.publish()
        except UnavailableError as error:
            _log.warning(EVENT_IDENTITY_REVOCATIONS_UNSENT, error=str(error))

    async def _newest(self, kind: Revocable) -> dict[str, int]:
        """Give those that last longest, as many as a list takes: they are the first rows."""
        found: dict[str, int] = {}
        now_ms = self._clock.now_ms()
        async for _, one in self._store.revocations.stream(_prefix(kind)):
            if one.until_ms <= now_ms or len(found) > MAX_LISTED:
                break
            found.setdefault(one.name, one.until_ms)
        return found

    async def _app_keys(self) -> dict[str, int]:
        now_ms = self._clock.now_ms()
        found: dict[str, int] = {}
        async for name, one in self._store.revoked_app_keys.stream():
            until_ms = one.expires_at_ms + SKEW_S * _MS
            if now_ms < until_ms:
                found[name] = until_ms
            else:
                await self._store.revoked_app_keys.remove(name, one)
            if len(found) > _HELD:
                found = _longest(found)
        return _longest(found)


def _longest(until_ms: dict[str, int]) -> dict[str, int]:
    """Give as many as a list takes, and one more, which shows that there are more."""
    return dict(heapq.nlargest(MAX_LISTED + 1, until_ms.items(), key=itemgetter(1)))


def _prefix(kind: Revocable) -> str:
    return f"{kind}."


def _row(kind: Revocable, name: str, until_ms: int) -> str:
    """Name the row of one, so that what lasts longest comes first."""
    return f"{_prefix(kind)}{_LAST_MS - until_ms:016x}.{name}"
