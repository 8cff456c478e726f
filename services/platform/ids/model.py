"""Ids and worker leases: the bit layout of a snowflake, and who may use which part of it.

Layout after Twitter's Snowflake (2010): 41 bits of milliseconds since `EPOCH_MS`, 10 bits of
worker number, 12 bits of sequence. The sign bit stays clear, so an id fits a proto `int64`.
"""

from dataclasses import dataclass

from services.platform.ids.snowflake_time import (
    EPOCH_MS,
    SEQUENCE_BITS,
    TIME_SHIFT,
    WORKER_COUNT,
)

__all__ = [
    "EPOCH_MS",
    "LEASE_TERM_MS",
    "MAX_ID",
    "MAX_SEQUENCE",
    "MAX_TIMESTAMP_MS",
    "WORKER_COUNT",
    "IdParts",
    "Lease",
    "compose",
]

MAX_ID = (1 << 63) - 1
"""What ids end at: contracts have them as int64."""

TIMESTAMP_BITS = 41
MAX_SEQUENCE = (1 << SEQUENCE_BITS) - 1
"""The last sequence number of one worker's millisecond."""

MAX_TIMESTAMP_MS = EPOCH_MS + (1 << TIMESTAMP_BITS) - 1
"""The last Unix millisecond an id can carry."""

LEASE_TERM_MS = 60_000
"""How long one grant or renewal lasts: rides out a restart of the id service, and frees a crashed
worker's number within a minute."""


@dataclass(frozen=True, slots=True)
class IdParts:
    """What an id says about its making."""

    timestamp_ms: int
    """Unix milliseconds."""
    worker: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make ids of `worker` whose millisecond lies in the window.

    `not_before_ms <= ms < expires_at_ms`, in Unix milliseconds. Windows of one worker number never
    overlap, and the window is checked against the millisecond written into the id, so two holders
    cannot make one id even if their clocks disagree.
    """

    worker: int
    owner: str
    """Names one holder, for one run of one process; empty once released."""
    not_before_ms: int
    expires_at_ms: int

    def is_free(self, now_ms: int) -> bool:
        """Whether another owner may take the worker number at `now_ms`."""
        return not self.owner or self.expires_at_ms <= now_ms


def compose(parts: IdParts) -> int:
    """Pack `parts`, each of which must be within its bits."""
    return (
        (parts.timestamp_ms - EPOCH_MS) << TIME_SHIFT
        | parts.worker << SEQUENCE_BITS
        | parts.sequence
    )
