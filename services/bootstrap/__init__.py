"""The composition root: the one place that knows every adapter; a module for each service.

Each service is an async context manager that builds its parts, starts its background work, yields
its gRPC services, and undoes all of it in reverse.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from services.bootstrap import fanout, gateway, graph, id, timeline, tweet, user  # noqa: A004
from services.bootstrap.parts import Parts, Served
from services.bootstrap.security import secured
from services.readiness import Readiness
from services.rpc.security import PLAIN, Security
from services.settings import Settings

__all__ = ["SERVICES", "Served", "secured"]


class _Running(Protocol):
    def __call__(
        self,
        settings: Settings,
        security: Security = PLAIN,
        readiness: Readiness | None = None,
    ) -> AbstractAsyncContextManager[Served]: ...


def _running(build: Callable[[Parts], Awaitable[Served]]) -> _Running:
    @asynccontextmanager
    async def running(
        settings: Settings, security: Security = PLAIN, readiness: Readiness | None = None
    ) -> AsyncIterator[Served]:
        async with AsyncExitStack() as stack:
            yield await build(Parts(settings, stack, security, readiness))

    return running


async def _identity(parts: Parts) -> Served:
    # All services start by one command line; only this one pays for HTTP and OAuth.
    from services.bootstrap import identity  # noqa: PLC0415

    return await identity.build(parts)


SERVICES = {
    "id": _running(id.build),
    "user": _running(user.build),
    "tweet": _running(tweet.build),
    "graph": _running(graph.build),
    "fanout": _running(fanout.build),
    "timeline": _running(timeline.build),
    "gateway": _running(gateway.build),
    "identity": _running(_identity),
}
