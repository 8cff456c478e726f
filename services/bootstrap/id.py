"""The id service."""

import random

from aviary.id.v1 import id_service_pb2

from services.bootstrap.parts import Parts, Served, service_of
from services.clock_steps import CheckedClock
from services.id.service import IdService, WorkerLeases
from services.id.servicer import IdServicer
from services.rpc.handlers import Servicer
from services.storage import leases as tables

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Lease worker numbers out of rows, one of them to itself."""
    rows = await parts.rows("id", [tables.LEASES])
    clock = CheckedClock(parts.clock)
    parts.readiness.require("clock", clock.holds)
    leases = WorkerLeases(
        tables.RowLeaseStore(rows),
        clock,
        random.SystemRandom(),
        trusts_clock=parts.settings.id_clock == "trusted",
    )
    service = IdService(leases, await parts.ids("id", leases))
    return [Servicer(service_of(id_service_pb2.DESCRIPTOR), IdServicer(service))]
