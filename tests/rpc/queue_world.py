"""Processes of several services that consume from one bus, and one that answers operators."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub
from aviary.queue.v1 import queue_service_pb2 as pb
from aviary.queue.v1.queue_service_pb2_grpc import QueueServiceStub

from services.fanout.servicer import FanoutServicer
from services.fanout.spec import CONTROLS, SPEC
from services.fanout.store import RowThresholdStore
from services.fanout.threshold import OperatedThreshold
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import BusDriver, Message
from services.platform.composition.outboxes import all_outboxes
from services.platform.errors import UnavailableError
from services.platform.outbox.refused import RefusedEntries
from services.platform.queues.pauses import Pauses
from services.platform.queues.service import Queues
from services.platform.queues.servicer import QueueServicer
from services.platform.queues.store import RowPauseStore
from services.platform.rows.port import Row, RowMutation, RowStore
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.specs import all_subscriptions

__all__ = ["DEFAULT", "POLL_S", "Process", "World"]

DEFAULT = 500
POLL_S = 0.05


class FailingRows:
    """Rows that can be gone for reads."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows
        self.gone = False
        self.failed_reads = 0

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        if self.gone:
            self.failed_reads += 1
            raise UnavailableError("gone")
        return dict(await self._rows.read_rows(table, keys))

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        await self._rows.mutate(mutations)


@dataclass
class Process:
    """One process: what it consumed, and what it answers where it serves operators."""

    rows: FailingRows
    pauses: Pauses
    threshold: OperatedThreshold
    queues: QueueServiceStub
    fanout: FanoutServiceStub
    address: str
    seen: list[bytes] = field(default_factory=list)

    async def paused(self) -> list[str]:
        """Names of all that it lists as paused."""
        answer = await self.queues.ListQueues(pb.ListQueuesRequest())
        return sorted(each.subscription for each in answer.queues if each.paused)

    async def own_paused(self) -> list[str]:
        """Names of the fan-out's that it lists as paused, by the older contract."""
        answer = await self.fanout.GetControls(fanout_pb.GetControlsRequest())
        return [each.subscription for each in answer.controls.subscriptions if each.paused]


@dataclass
class World:
    bus: BusDriver
    stored: RowStore

    def refused(self) -> RefusedEntries:
        async def opened() -> RowStore:
            return self.stored

        return RefusedEntries(opened, CONTROLS)

    @asynccontextmanager
    async def process(self, *consumed: str, gone: bool = False) -> AsyncIterator[Process]:
        """Start a process that consumes these subscriptions and serves operators."""
        async with AsyncExitStack() as stack:
            seen: list[bytes] = []

            async def see(message: Message, _attempt: int) -> None:
                seen.append(message.data)

            rows = FailingRows(self.stored)
            rows.gone = gone
            pauses = Pauses(RowPauseStore(rows, CONTROLS), poll_every_s=POLL_S)  # type: ignore[arg-type]
            threshold = OperatedThreshold(RowThresholdStore(rows), DEFAULT, poll_every_s=POLL_S)  # type: ignore[arg-type]
            for looping in (pauses, threshold):
                await looping.start()
                stack.push_async_callback(looping.stop)
            for name in consumed:
                consumer = Consumer(
                    self.bus,
                    name,
                    see,
                    policy=RetryPolicy(max_attempts=2, base_s=0.1, cap_s=1.0),
                    concurrency=4,
                    rng=random.Random(1),  # noqa: S311 - jitter, repeatable
                )
                pauses.govern(name, consumer)
                await consumer.start()
                stack.push_async_callback(consumer.stop)
            names = [each.name for each in all_subscriptions()]
            queues = Queues(self.bus, pauses, names, self.refused(), all_outboxes())
            own = Queues(self.bus, pauses, [each.name for each in SPEC.subscriptions])
            server = RpcServer(
                "127.0.0.1:0",
                [
                    Servicer(_service(pb), QueueServicer(queues)),
                    Servicer(_service(fanout_pb), FanoutServicer(threshold, queues, own)),
                ],
            )
            await server.start()
            stack.push_async_callback(server.stop, 0)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
            yield Process(
                rows,
                pauses,
                threshold,
                QueueServiceStub(channel),
                FanoutServiceStub(channel),
                server.address,
                seen,
            )


def _service(module):
    (descriptor,) = module.DESCRIPTOR.services_by_name.values()
    return descriptor
