"""What a process's health says while something does not hold that it needs of itself."""

import asyncio

import grpc
import pytest
import structlog
from aviary.gateway.v1 import health_service_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.control_plane.health import HealthServicer
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_NOT_READY, EVENT_READY
from services.platform.rpc.server import READY
from services.platform.runtime.readiness import Readiness
from tests.rpc.probe import SERVICE, serving

WAIT_S = 10.0
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def status(channel: grpc.aio.Channel, name: str) -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(service=name), timeout=WAIT_S
    )
    return int(answer.status)


async def until(channel: grpc.aio.Channel, name: str, wanted: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while await status(channel, name) != wanted:  # noqa: ASYNC110 - another process would be asked like this
            await asyncio.sleep(0.05)


async def test_a_process_is_not_ready_while_something_fails() -> None:
    """It says so by the name of readiness and by each service's, and still takes calls."""
    readiness, holding = Readiness(), {"outbox": True}
    readiness.require("outbox", lambda: holding["outbox"])
    with structlog.testing.capture_logs() as logs:
        async with (
            serving(None, readiness=readiness) as (_, _, server),
            grpc.aio.insecure_channel(server.address) as channel,
        ):
            health = HealthServicer({"probe": channel})
            assert await status(channel, READY) == SERVING
            assert (await healthz(health)).status == "SERVING"
            holding["outbox"] = False
            await until(channel, READY, NOT_SERVING)
            assert await status(channel, SERVICE) == NOT_SERVING
            assert await status(channel, "") == SERVING
            with pytest.raises(UnavailableError, match="not ready: probe"):
                await healthz(health)
            holding["outbox"] = True
            await until(channel, READY, SERVING)
            assert (await healthz(health)).status == "SERVING"
    reported = [(each["event"], each.get("failing")) for each in logs]
    assert reported.count((EVENT_NOT_READY, ["outbox"])) == 1
    assert reported.count((EVENT_READY, None)) == 1


async def healthz(health: HealthServicer) -> health_service_pb2.GetHealthResponse:
    return await health.GetHealth(health_service_pb2.GetHealthRequest(), None)  # type: ignore[arg-type]
