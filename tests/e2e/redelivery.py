"""Events that come again: published by hand, on the bus of a running system."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest

from services.fanout.spec import SPEC
from services.platform.bus.port import BusDriver, Message
from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings
from tests.e2e.conftest import Mesh

__all__ = ["Redelivery", "redelivery"]


class Redelivery:
    """Publishes; one loop for all calls, since a driver lives in one."""

    def __init__(self, runner: asyncio.Runner, bus: BusDriver) -> None:
        self._runner = runner
        self._bus = bus

    def publish(self, topic: str, body: bytes) -> None:
        self._runner.run(self._bus.publish(topic, [Message(body)]))


@contextmanager
def redelivery(mesh: Mesh) -> Iterator[Redelivery]:
    """On the bus that the fan-out uses."""
    environment = mesh.stores()
    stack = AsyncExitStack()
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        if "PUBSUB_EMULATOR_HOST" in environment:
            # Google's client reads it by itself.
            patch.setenv("PUBSUB_EMULATOR_HOST", environment["PUBSUB_EMULATOR_HOST"])
        dependencies = Dependencies(SPEC, Settings.from_environment(environment), stack)

        async def open_bus() -> BusDriver:
            return dependencies.bus()

        try:
            yield Redelivery(runner, runner.run(open_bus()))
        finally:
            runner.run(stack.aclose())
