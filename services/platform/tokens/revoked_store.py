"""The lists of what was revoked, for the edges, in Valkey: until it would have expired anyway."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from math import isfinite
from operator import itemgetter
from typing import Final

from services.platform.runtime.clock import MAX_CLOCK_STEP_MS, Clock
from services.platform.tokens.edge_lists import MAX_LISTED, TrimmedLists
from services.platform.tokens.lives import CLOCK_SKEW_S, SKEW_S
from services.platform.tokens.revocations import LIVES_S, Revocable, Revoked
from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["RevokedStore", "is_text", "revoked_key"]

WHOLE: Final = b".whole"
"""The member of a list that was restored since it was last lost. No session, user or key is called
so; it sorts last, and lasts as long as the list."""

RESTORED_S: Final = 10.0
"""Seconds. Issuers restore lists every two; those of the version before never do."""
_MS: Final = 1_000


class RevokedStore:
    """The `RevokedList` in Valkey; every method raises `UnavailableError`."""

    def __init__(
        self,
        client: ValkeyClient,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._lists = TrimmedLists(client)
        self._clock = clock
        self._known: dict[Revocable, dict[str, int]] = {}
        self._monotonic = monotonic
        self._began_s = monotonic()

    async def add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add names with the time when they can be forgotten; a later one that is known stays."""
        await self._add(kind, until_ms)

    async def restore(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add all there are, in one command: a list is never taken for whole before it is."""
        await self._add(kind, {**until_ms, WHOLE.decode(): "+inf"})

    async def listed(self) -> dict[Revocable, Revoked] | None:
        """Give what still counts, by kind; None while that cannot be known.

        While a list that was lost is not restored, what this process knew of it counts too. If it
        knew nothing, it waits for an issuer to restore the list, `RESTORED_S` at most.
        """
        lists = await asyncio.gather(*map(self._listed, Revocable))
        found = dict(zip(Revocable, lists, strict=True))
        known = {kind: revoked for kind, revoked in found.items() if revoked is not None}
        return known if len(known) == len(found) else None

    async def _add(self, kind: Revocable, until_ms: Mapping[str, int | str]) -> None:
        key = revoked_key(kind)
        pairs = chain.from_iterable((until, name) for name, until in until_ms.items())
        with valkey_errors():
            await self._client.lines.call(key, ("ZADD", key, "GT", *pairs))

    async def _listed(self, kind: Revocable) -> Revoked | None:
        key, now_ms = revoked_key(kind), self._clock.now_ms()
        members = await self._lists.listed(
            key,
            # One more than edges know stays, for its time; and the mark of the whole list.
            keep=MAX_LISTED + 2,
            least=b"(%d" % now_ms,
            # Not all that has ended: by a clock that is ahead, and will be right again, more has
            # than should.
            drop=((b"-inf", now_ms - MAX_CLOCK_STEP_MS),),
        )
        whole = members.pop(WHOLE, None) is not None
        if endless := [name for name, until in members.items() if not isfinite(until)]:
            # Nobody revokes for ever, and they would take places of others.
            with valkey_errors():
                await self._client.zrem(key, *endless)
        # No token says what is not UTF-8, and an edge takes all of a list, or none.
        found = {
            name.decode(): int(until)
            for name, until in members.items()
            if isfinite(until) and is_text(name)
        }
        if not whole:
            known = self._known.get(kind)
            if known is None and self._monotonic() < self._began_s + RESTORED_S:
                return None
            known = known or {}
            found = {**{name: until for name, until in known.items() if now_ms < until}, **found}
        self._known[kind] = found
        return _cut(kind, found.items())


def _cut(kind: Revocable, until_ms: Iterable[tuple[str, int]]) -> Revoked:
    longest = sorted(until_ms, key=itemgetter(1, 0), reverse=True)
    names = frozenset(name for name, _ in longest[:MAX_LISTED])
    if len(longest) <= MAX_LISTED:
        return Revoked(names)
    # Everything issued to those that have no place was issued before the last of them was revoked,
    # by the clock of whoever issued it.
    _, last_ms = longest[MAX_LISTED]
    revoked_s = last_ms // _MS - LIVES_S[kind] - SKEW_S
    return Revoked(names, revoked_s + CLOCK_SKEW_S)


def revoked_key(kind: Revocable) -> bytes:
    """Where the names of one kind are that were revoked, by the time when that can be forgotten."""
    return f"limit:revoked:{kind}".encode()


def is_text(name: bytes) -> bool:
    """Whether this can be the name of anything, and so be on a list that edges take."""
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False
