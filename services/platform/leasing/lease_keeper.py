"""Keeps one process in possession of a worker number."""

import contextlib
import time

import structlog

from services.platform.errors import AviaryError, FailedPreconditionError
from services.platform.ids.model import LEASE_TERM_MS, Lease
from services.platform.ids.ports import LeaseSource
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.observability.log_events import EVENT_ID_LEASE_FAILED, EVENT_ID_LEASE_MISSING
from services.platform.runtime.background import Background
from services.platform.runtime.retry_policy import Backoff

__all__ = ["RENEW_EVERY_S", "RETRY_EVERY_S", "LeaseKeeper"]

RENEW_EVERY_S = LEASE_TERM_MS / 1000 / 3
"""A third of the term: a renewal may fail for two thirds of it before ids stop."""

RETRY_EVERY_S = 1.0
"""Longest pause after a failed try: short against the term. It is twice as long between looks
whether a renewal is due, which a clock that was set ahead may make it."""

FIRST_RETRY_S = 0.05
"""Pause after the first failed try; it doubles with each. Processes that start together with the id
service wait for nothing else."""

_log = structlog.get_logger()


class LeaseKeeper:
    """Acquires a lease for a generator, renews it in the background, releases it at the stop.

    Whatever fails here, ids stay unique: the generator itself refuses to leave the window of the
    lease it was last given. `owner` must be new for each run of the process.
    """

    def __init__(
        self,
        source: LeaseSource,
        generator: SnowflakeGenerator,
        owner: str,
        *,
        renew_every_s: float = RENEW_EVERY_S,
        retry_every_s: float = RETRY_EVERY_S,
    ) -> None:
        self._source = source
        self._generator = generator
        self._owner = owner
        self._renew_every_s = renew_every_s
        self._retry_every_s = retry_every_s
        self._backoff = Backoff(base_s=FIRST_RETRY_S, cap_s=retry_every_s)
        self._failures = 0
        self._look_every_s = 2 * retry_every_s
        self._lease: Lease | None = None
        self._due_s = 0.0
        self._started = False
        self._renewing = Background("lease-keeper", self._step)

    @property
    def lease(self) -> Lease | None:
        """The lease last given, None before the first and after a loss. It may have expired."""
        return self._lease

    async def start(self) -> None:
        """Try once to acquire, then keep at it in the background.

        Does not raise when the source is unavailable: processes start in any order, and `next_id`
        raises `UnavailableError` until a lease is there.
        """
        if not self._started:
            self._renewing.start(after_s=await self._step())
            self._started = True

    async def stop(self) -> None:
        """Stop making ids and give the lease back; if that fails, it expires by itself."""
        await self._renewing.stop()
        self._started = False
        self._generator.drop()
        lease, self._lease = self._lease, None
        if lease is not None:
            with contextlib.suppress(AviaryError):
                await self._source.release(lease.worker, self._owner, self._generator.last_used_ms)

    def holds(self) -> bool:
        """Whether it goes on renewing."""
        return self._renewing.holds()

    async def _step(self) -> float:
        """Renew or acquire if that is due; returns the seconds to pause before the next step.

        A clock that was set ahead of the window makes it due at once.
        """
        if time.monotonic() < self._due_s and self._generator.is_able():
            return self._look_every_s
        try:
            lease = await self._renew_or_acquire()
        except AviaryError as error:
            _log.warning(EVENT_ID_LEASE_MISSING, error=str(error))
            return self._after_failure_s()
        except Exception:  # noqa: BLE001  (the reason is below)
            # A fault of the source must not end the loop, or ids would stop for good.
            _log.exception(EVENT_ID_LEASE_FAILED)
            return self._after_failure_s()
        self._lease, self._failures = lease, 0
        self._generator.hold(lease)
        self._due_s = time.monotonic() + self._renew_every_s
        return min(self._look_every_s, self._renew_every_s)

    def _after_failure_s(self) -> float:
        self._failures += 1
        return self._backoff.longest_s(self._failures)

    async def _renew_or_acquire(self) -> Lease:
        held, used_ms = self._lease, self._generator.last_used_ms
        if held is not None:
            try:
                renewed = await self._source.renew(held.worker, self._owner, used_ms)
            except FailedPreconditionError:
                renewed = None
            # Another start of the window means another grant, to someone with our name: theirs.
            if renewed is not None and renewed.not_before_ms == held.not_before_ms:
                return renewed
            self._lease = None
            self._generator.drop()
        return await self._source.acquire(self._owner, used_ms)
