"""One service in a process of its own, as a container runs it."""

import asyncio
import importlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from services.platform.composition.dependencies import Dependencies, Served
from services.platform.composition.security import secured
from services.platform.config.settings import Settings
from services.platform.observability.names import EVENT_SERVING
from services.platform.observability.process_metrics import observe_disks
from services.platform.observability.setup import configure
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.runtime.readiness import Readiness
from services.platform.security.process import PLAIN, Security
from services.platform.specs import all_specs

__all__ = ["running", "serve"]


@asynccontextmanager
async def running(
    name: str,
    settings: Settings,
    security: Security = PLAIN,
    readiness: Readiness | None = None,
) -> AsyncIterator[Served]:
    """Build a service, start its background work, yield what it serves; undo all in reverse.

    Raises KeyError for a name that no service has, and `UndeclaredError` where the service opens or
    serves what its spec does not declare.
    """
    spec = all_specs()[name]
    # Only what this process serves is imported: not everyone pays for HTTP and OAuth.
    app = importlib.import_module(f"{spec.package}.app")
    async with AsyncExitStack() as stack:
        deps = Dependencies(spec, settings, stack, security, readiness)
        served: Served = await app.build(deps)
        deps.declared.contracts(
            {one.descriptor.full_name for one in served if isinstance(one, Servicer)}
        )
        yield served


async def serve(name: str, settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; one that comes before the service is up ends its start."""
    telemetry = configure(
        name,
        settings.otlp_endpoint,
        settings.log_level,
        metrics_address=settings.metrics_address,
        trace_percent=settings.trace_percent,
    )
    observe_disks({"data": settings.data_dir})
    stopping, readiness = asyncio.Event(), Readiness()
    starting = asyncio.current_task()

    def stop() -> None:
        # A start waits for as long as the bus is away, so it is cancelled. Only the first signal
        # may do so: a second one would cancel the clean-up.
        if starting is not None and not stopping.is_set():
            starting.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        async with (
            secured(name, settings, readiness) as security,
            running(name, settings, security, readiness) as servicers,
        ):
            server = RpcServer(
                settings.addresses[name],
                servicers,
                security=security,
                probe_address=settings.probe_address,
                readiness=readiness,
            )
            await server.start()
            starting = None
            structlog.get_logger().info(EVENT_SERVING, address=server.address)
            await stopping.wait()
            await server.stop()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
    finally:
        telemetry.shutdown()
