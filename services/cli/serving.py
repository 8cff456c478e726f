"""One service in a process of its own, as a container runs it."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from services.platform.composition.dependencies import Dependencies, Served
from services.platform.composition.security import listener_tls, secured
from services.platform.config.settings import Settings, SettingsError
from services.platform.config.values import each_address
from services.platform.observability.log_events import EVENT_SERVING
from services.platform.observability.process_metrics import observe_disks, observe_restarts
from services.platform.observability.setup import configure
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import HttpAt, RpcServer
from services.platform.runtime.ending import END_WITHIN_S, HURRIED_END_S, Ending
from services.platform.runtime.garbage import collect_seldom
from services.platform.runtime.heartbeat import beating
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness
from services.platform.security.process import PLAIN, Security
from services.platform.specs import all_specs

__all__ = ["http_at", "running", "serve"]


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
        # Before anything is closed, and all of it at the same time.
        stack.push_async_callback(deps.loops.stop_intake)
        yield served


async def serve(name: str, settings: Settings) -> None:
    """Serve until a signal to end, see `Ending`; one that comes before it is up ends its start.

    Calls under way then have `GRACE_S` to end; a second signal cuts them off.
    """
    ending = Ending.by_signals(within_s=END_WITHIN_S, hurried_s=HURRIED_END_S)
    telemetry = configure(
        name,
        settings.otlp_endpoint,
        settings.log_level,
        metrics_address=settings.metrics_address,
        trace_percent=settings.trace_percent,
    )
    observe_disks({"data": settings.data_dir})
    if settings.restarts_file is not None:
        observe_restarts(settings.restarts_file)
    try:
        # First and last: whoever waits for others, at the start or the end, does not hang.
        async with beating(settings.heartbeat_file), AsyncExitStack() as stack:
            server = await ending.unless_wanted(_started(name, settings, stack))
            if server is None:
                return
            collect_seldom()
            structlog.get_logger().info(EVENT_SERVING, address=server.address)
            await ending.wanted.wait()
            await _drained(server, ending)
    finally:
        telemetry.shutdown()


async def _started(name: str, settings: Settings, stack: AsyncExitStack) -> RpcServer:
    """Start everything; `stack` undoes it."""
    readiness = Readiness()
    security = await stack.enter_async_context(secured(name, settings, readiness))
    servicers = await stack.enter_async_context(running(name, settings, security, readiness))
    server = RpcServer(
        _own_address(name, settings),
        servicers,
        security=security,
        probe_address=settings.probe_address,
        http=await http_at(name, settings, security, Loops(stack, readiness)),
        readiness=readiness,
    )
    await server.start()
    return server


def _own_address(name: str, settings: Settings) -> str:
    """Say where this process listens; its siblings may know of others like it."""
    address = settings.addresses[name]
    if len(each_address(address)) > 1:
        wanted = "one address here, at which this process listens"
        raise SettingsError(all_specs()[name].address_variable, got=address, wanted=wanted)
    return address


async def http_at(name: str, settings: Settings, security: Security, loops: Loops) -> HttpAt | None:
    """Say where the service answers the edge in JSON over HTTP, if it declares that it does.

    Nowhere, where a sidecar has the certificates and nobody names some for this listener: so it is
    in the setting-up of the release before, and whoever connected would be nobody.
    """
    spec = all_specs()[name]
    if not spec.json_over_http:
        return None
    tls = await listener_tls(spec, settings, security, loops)
    if tls is None and settings.sidecar:
        return None
    return HttpAt(settings.http_address(name), tls)


async def _drained(server: RpcServer, ending: Ending) -> None:
    draining = asyncio.create_task(server.stop(leave_s=ending.leave_s), name="drain")
    hurried = asyncio.create_task(ending.hurried.wait(), name="hurry")
    await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        await server.cut()
    hurried.cancel()
    await draining
