"""One service behind two edges: by one Envoy translates, by the other it speaks JSON itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import HttpAt, RpcServer
from tests.edge.conftest import running_edge

__all__ = ["assert_same", "two_edges"]

NOTHING: Mapping[str, Any] = {}


@asynccontextmanager
async def two_edges(
    name: str,
    servicer: Servicer,
    *,
    translated: Mapping[str, Any] = NOTHING,
    over_http: Mapping[str, Any] = NOTHING,
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Clients of the edge that translates for the service of that name, and of the other.

    `translated` and `over_http` are what else each is run with, see `running_edge`.
    """
    server = RpcServer("127.0.0.1:0", [servicer], http=HttpAt("127.0.0.1:0"))
    await server.start()
    open_edge: dict[str, Any] = {"unauthenticated": True, "limits": False}
    at = {name: f"127.0.0.1:{server.http_port}"}
    by_grpc = {"backends": {name: server.address}, "json_backends": {}}
    try:
        async with (
            running_edge(**open_edge, **by_grpc, **translated) as theirs,
            running_edge(**open_edge, json_backends=at, **over_http) as ours,
        ):
            yield theirs.client, ours.client
    finally:
        await server.stop(0)


def assert_same(theirs: httpx.Response, ours: httpx.Response, asked: object) -> None:
    """Check that two answers are one, but for what is of the moment."""
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content), asked
    assert _told(ours) == _told(theirs), asked


def _told(answer: httpx.Response) -> list[tuple[str, str]]:
    of_the_moment = {"date", "x-request-id", "connection"}
    return sorted((k, v) for k, v in answer.headers.multi_items() if k not in of_the_moment)
