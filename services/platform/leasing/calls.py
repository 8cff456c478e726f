"""What whoever leases a worker number calls."""

from typing import Final

__all__ = ["LEASE_CALLS"]

LEASE_CALLS: Final = (
    "aviary.id.v1.IdService/LeaseWorker",
    "aviary.id.v1.IdService/RenewLease",
    "aviary.id.v1.IdService/ReleaseLease",
)
"""For the `calls` of a service's declaration."""
