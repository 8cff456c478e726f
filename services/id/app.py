"""The id service."""

import random

from aviary.id.v1 import id_service_pb2

from services.id.service import IdService, WorkerLeases
from services.id.servicer import IdServicer
from services.id.spec import SPEC
from services.id.store import RowLeaseStore
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.rpc.method_handlers import Servicer
from services.platform.runtime.clock_steps import CheckedClock

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Lease worker numbers out of rows, one of them to itself."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    clock = CheckedClock(deps.clock)
    deps.readiness.require("clock", clock.holds)
    leases = WorkerLeases(
        RowLeaseStore(rows),
        clock,
        random.SystemRandom(),
        trusts_clock=deps.settings.id_clock == "trusted",
    )
    service = IdService(leases, await deps.ids(leases))
    return [Servicer(service_of(id_service_pb2.DESCRIPTOR), IdServicer(service))]
