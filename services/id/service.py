"""The id service: leases worker numbers, and makes ids for those who hold none."""

import random

from services.id.ports import LeaseStore
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, InvalidArgumentError, UnavailableError
from services.platform.ids.model import LEASE_TERM_MS, WORKER_COUNT, Lease
from services.platform.ids.ports import IdSource
from services.platform.runtime.clock import MAX_CLOCK_STEP_MS, Clock
from services.platform.runtime.clock_steps import span

__all__ = ["MAX_IDS_PER_CALL", "MAX_OWNER_CHARS", "IdService", "WorkerLeases"]

MAX_IDS_PER_CALL = 1000
"""A quarter of one worker's millisecond; answers stay under 10 kB."""

MAX_OWNER_CHARS = 128
"""Room for a host name, a process id and a random part."""

MAX_CONFLICTS = 5
"""Tries of one compare-and-set; only an owner that races with itself conflicts at all."""


class WorkerLeases:
    """Grants worker numbers, each to one owner per window of time. A `LeaseSource`.

    An owner's name must be unique to one holder: the service distinguishes holders by it.

    While windows granted before lie far ahead of the clock, none is granted: one of the two must be
    wrong. `trusts_clock` says that it is they; numbers with such a window stay out of use.
    """

    def __init__(
        self, store: LeaseStore, clock: Clock, rng: random.Random, *, trusts_clock: bool = False
    ) -> None:
        self._store = store
        self._trusts_clock = trusts_clock
        self._clock = clock
        self._rng = rng

    async def acquire(self, owner: str, last_used_ms: int = 0) -> Lease:
        """Lease a free or expired worker number; a repeat gives another one.

        The window reaches a term beyond now and beyond `last_used_ms`, the newest millisecond that
        the owner has made an id at under another number. The search starts at a random number, so
        that owners starting together seldom meet. Raises `InvalidArgumentError` for a bad owner,
        `UnavailableError` when all are taken, or the clock cannot be right.
        """
        _check_owner(owner)
        _check_last_used(last_used_ms)
        # All of them, for what was leased before says whether the clock can be right. It is read
        # once in the life of a process.
        known = await self._store.get(range(WORKER_COUNT))
        newest_ms = max((one.expires_at_ms for one in known.values()), default=0) - LEASE_TERM_MS
        newest_ms = 0 if self._trusts_clock else newest_ms
        offset = self._rng.randrange(WORKER_COUNT)
        for step in range(WORKER_COUNT):
            worker = (offset + step) % WORKER_COUNT
            now_ms = self._now_ms(newest_ms)
            previous = known.get(worker)
            if previous and not previous.is_free(now_ms):
                continue
            not_before_ms = previous.expires_at_ms if previous else 0
            if not_before_ms - now_ms > MAX_CLOCK_STEP_MS:
                continue
            # A window may end, and an owner's ids may be, ahead of a clock that went back: the term
            # counts from the latest.
            from_ms = max(self._now_ms(last_used_ms), last_used_ms, not_before_ms)
            lease = Lease(worker, owner, not_before_ms, from_ms + LEASE_TERM_MS)
            if await self._store.claim(previous, lease):
                return lease
        raise UnavailableError(
            f"all {WORKER_COUNT} worker numbers are leased", retry_after_s=LEASE_TERM_MS / 1000
        )

    async def renew(self, worker: int, owner: str, last_used_ms: int = 0) -> Lease:
        """Move the end of the owner's window to a term from now; never back. Safe to repeat.

        It is a term from `last_used_ms`, the newest millisecond that the owner has made an id at,
        where that lies ahead: of a clock that went back. A window that has expired but was not
        granted anew is renewed too. Raises `FailedPreconditionError` (`LEASE_LOST`) when the number
        is no longer the owner's, `UnavailableError` when the clock cannot be right.
        """
        _check_worker(worker)
        _check_owner(owner)
        _check_last_used(last_used_ms)
        for _ in range(MAX_CONFLICTS):
            held = await self._held(worker, owner)
            if held is None:
                raise FailedPreconditionError(
                    f"worker {worker} is not leased to {owner!r}",
                    reason=Reason.LEASE_LOST,
                    metadata={"worker": str(worker), "owner": owner},
                )
            from_ms = max(self._now_ms(last_used_ms), last_used_ms)
            expires_at_ms = max(held.expires_at_ms, from_ms + LEASE_TERM_MS)
            lease = Lease(worker, owner, held.not_before_ms, expires_at_ms)
            if await self._store.claim(held, lease):
                return lease
        raise UnavailableError(f"the lease of worker {worker} keeps changing")

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """Give the number back, so that the next window starts at `last_used_ms + 1`.

        `last_used_ms` is 0 if no id was made. Does nothing if the owner holds the number no
        longer, so a repeat is safe.
        """
        _check_worker(worker)
        _check_owner(owner)
        _check_last_used(last_used_ms)
        for _ in range(MAX_CONFLICTS):
            held = await self._held(worker, owner)
            if held is None:
                return
            free_from_ms = min(max(last_used_ms + 1, held.not_before_ms), held.expires_at_ms)
            if await self._store.claim(held, Lease(worker, "", held.not_before_ms, free_from_ms)):
                return
        raise UnavailableError(f"the lease of worker {worker} keeps changing")

    def _now_ms(self, known_ms: int) -> int:
        """Read the clock; raises `UnavailableError` when it is far behind a time that has been."""
        now_ms = self._clock.now_ms()
        if known_ms - now_ms > MAX_CLOCK_STEP_MS:
            raise UnavailableError(
                f"the clock is {span(known_ms - now_ms)} behind the newest ids: set it right"
            )
        return now_ms

    async def _held(self, worker: int, owner: str) -> Lease | None:
        lease = (await self._store.get([worker])).get(worker)
        return lease if lease and lease.owner == owner else None


class IdService:
    """The use cases of the id service."""

    def __init__(self, leases: WorkerLeases, ids: IdSource) -> None:
        self._leases = leases
        self._ids = ids

    async def lease_worker(self, owner: str, last_used_ms: int = 0) -> Lease:
        """Lease a worker number to `owner`, as `WorkerLeases.acquire` does."""
        return await self._leases.acquire(owner, last_used_ms)

    async def renew(self, worker: int, owner: str, last_used_ms: int = 0) -> Lease:
        """Move the end of the owner's window, as `WorkerLeases.renew` does."""
        return await self._leases.renew(worker, owner, last_used_ms)

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """Take the owner's number back, as `WorkerLeases.release` does."""
        await self._leases.release(worker, owner, last_used_ms)

    async def generate(self, count: int) -> list[int]:
        """`count` new ids in increasing order, 1 to `MAX_IDS_PER_CALL`.

        Raises `InvalidArgumentError` beyond the limits, `UnavailableError` without a lease.
        """
        if not 1 <= count <= MAX_IDS_PER_CALL:
            raise InvalidArgumentError("count", f"must be 1 to {MAX_IDS_PER_CALL}, is {count}")
        return [await self._ids.next_id() for _ in range(count)]


def _check_owner(owner: str) -> None:
    if not 1 <= len(owner) <= MAX_OWNER_CHARS or not owner.isprintable():
        raise InvalidArgumentError("owner", f"must be 1 to {MAX_OWNER_CHARS} printable characters")


def _check_last_used(last_used_ms: int) -> None:
    if last_used_ms < 0:
        raise InvalidArgumentError("last_used", "must not be negative")


def _check_worker(worker: int) -> None:
    if not 0 <= worker < WORKER_COUNT:
        raise InvalidArgumentError("worker", f"must be 0 to {WORKER_COUNT - 1}, is {worker}")
