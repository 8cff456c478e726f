"""The id service: leases worker numbers, and makes ids for those who hold none."""

import random

from services.clock import Clock
from services.errors import FailedPreconditionError, InvalidArgumentError, UnavailableError
from services.id.model import LEASE_TERM_MS, WORKER_COUNT, Lease
from services.id.ports import IdSource, LeaseStore

__all__ = ["MAX_IDS_PER_CALL", "MAX_OWNER_CHARS", "IdService", "WorkerLeases"]

MAX_IDS_PER_CALL = 1000
"""A quarter of one worker's millisecond; answers stay under 10 kB."""

MAX_OWNER_CHARS = 128
"""Room for a host name, a process id and a random part."""

READ_BATCH = 64
"""Worker numbers read at a time in search of a free one: few are taken, so one read is typical."""

MAX_CONFLICTS = 5
"""Tries of one compare-and-set; only an owner that races with itself conflicts at all."""


class WorkerLeases:
    """Grants worker numbers, each to one owner per window of time. A `LeaseSource`.

    An owner's name must be unique to one holder: the service tells holders apart by it.
    """

    def __init__(self, store: LeaseStore, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng

    async def acquire(self, owner: str) -> Lease:
        """Lease a free or expired worker number; a repeat gives another one.

        The search starts at a random number, so that owners starting together seldom meet.
        Raises `InvalidArgumentError` for a bad owner, `UnavailableError` when all are taken.
        """
        _check_owner(owner)
        offset = self._rng.randrange(WORKER_COUNT)
        ring = [(offset + step) % WORKER_COUNT for step in range(WORKER_COUNT)]
        for start in range(0, WORKER_COUNT, READ_BATCH):
            workers = ring[start : start + READ_BATCH]
            found = await self._store.get(workers)
            for worker in workers:
                previous = found.get(worker)
                now_ms = self._clock.now_ms()
                if previous and not previous.is_free(now_ms):
                    continue
                not_before_ms = previous.expires_at_ms if previous else 0
                # A released window may end ahead of a clock that went back, so the term counts
                # from the later of the two.
                expires_at_ms = max(now_ms, not_before_ms) + LEASE_TERM_MS
                lease = Lease(worker, owner, not_before_ms, expires_at_ms)
                if await self._store.claim(previous, lease):
                    return lease
        raise UnavailableError(
            f"all {WORKER_COUNT} worker numbers are leased", retry_after_s=LEASE_TERM_MS / 1000
        )

    async def renew(self, worker: int, owner: str) -> Lease:
        """Move the end of the owner's window to a term from now; never back. Safe to repeat.

        A window that has expired but was not granted anew is renewed too. Raises
        `FailedPreconditionError` (`LEASE_LOST`) when the number is no longer the owner's.
        """
        _check_worker(worker)
        _check_owner(owner)
        for _ in range(MAX_CONFLICTS):
            held = await self._held(worker, owner)
            if held is None:
                raise FailedPreconditionError(
                    f"worker {worker} is not leased to {owner!r}",
                    reason="LEASE_LOST",
                    metadata={"worker": str(worker), "owner": owner},
                )
            expires_at_ms = max(held.expires_at_ms, self._clock.now_ms() + LEASE_TERM_MS)
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
        if last_used_ms < 0:
            raise InvalidArgumentError("last_used_ms", "must not be negative")
        for _ in range(MAX_CONFLICTS):
            held = await self._held(worker, owner)
            if held is None:
                return
            free_from_ms = min(max(last_used_ms + 1, held.not_before_ms), held.expires_at_ms)
            if await self._store.claim(held, Lease(worker, "", held.not_before_ms, free_from_ms)):
                return
        raise UnavailableError(f"the lease of worker {worker} keeps changing")

    async def _held(self, worker: int, owner: str) -> Lease | None:
        lease = (await self._store.get([worker])).get(worker)
        return lease if lease and lease.owner == owner else None


class IdService:
    """The use cases of the id service."""

    def __init__(self, leases: WorkerLeases, ids: IdSource) -> None:
        self._leases = leases
        self._ids = ids

    async def lease_worker(self, owner: str) -> Lease:
        """See `WorkerLeases.acquire`."""
        return await self._leases.acquire(owner)

    async def renew(self, worker: int, owner: str) -> Lease:
        """See `WorkerLeases.renew`."""
        return await self._leases.renew(worker, owner)

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """See `WorkerLeases.release`."""
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


def _check_worker(worker: int) -> None:
    if not 0 <= worker < WORKER_COUNT:
        raise InvalidArgumentError("worker", f"must be 0 to {WORKER_COUNT - 1}, is {worker}")
