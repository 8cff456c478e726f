"""Who gets past a sidecar to the service behind it, by the real Envoy."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import pytest
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.security.call_table import CALLS
from services.platform.security.identities import IDENTITIES, spiffe_id
from services.platform.security.process import Security
from tests.certificates import (
    WAIT_S,
    authority_in,
    dial,
    foreign_authority,
    id_server,
    leaf,
    lease,
    new_folder,
    until,
)
from tests.edge.sidecars import Sidecar, WatchedIds, accepts, config_of, sidecar

LEASING = "aviary.id.v1.IdService/LeaseWorker"
FORWARDED = "x-forwarded-client-cert"


@dataclass
class World:
    """The id service, plaintext on loopback, and the sidecar before it."""

    folder: Path
    certificates: Path
    sidecar: Sidecar
    ids: WatchedIds

    def as_(self, name: str, *, foreign: bool = False) -> grpc.aio.Channel:
        authority = foreign_authority() if foreign else authority_in(self.certificates)
        trusted = (self.certificates / "ca.pem").read_bytes()
        return dial(self.sidecar.inbound, trusted, leaf(authority, name))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    certificates, ids = tmp_path / "certificates", WatchedIds()
    new_folder(certificates)
    server = id_server(ids, Security(sidecar=True))
    await server.start()
    config = config_of(certificates, "id", behind=server.address)
    try:
        async with sidecar(tmp_path, config) as running:
            yield World(tmp_path, certificates, running, ids)
    finally:
        ids.open.set()
        await server.stop(0)


async def test_the_call_table_decides(world: World) -> None:
    for name in IDENTITIES:
        before = world.ids.calls
        allowed = LEASING in CALLS.get(name, ())
        async with world.as_(name) as channel:
            assert await lease(channel) == ("OK" if allowed else "PERMISSION_DENIED")
        assert world.ids.calls == before + allowed
        if allowed:
            assert world.ids.peer == name
    denied = {spiffe_id(name) for name in IDENTITIES if LEASING not in CALLS.get(name, ())}

    def all_logged() -> bool:
        lines = (world.folder / "access.log").read_text().splitlines()
        logged = [json.loads(line) for line in lines if line.endswith("}")]
        assert {each["grpc_status"] for each in logged} <= {"PermissionDenied"}
        return {each["caller"] for each in logged} == denied

    await until(all_logged)


async def test_the_right_to_one_rpc_is_no_right_to_another(world: World) -> None:
    async with world.as_("tweet") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stubs.IdServiceStub(channel).GenerateIds(pb.GenerateIdsRequest(count=1))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_other_certificates_do_not_connect(world: World) -> None:
    async with world.as_("tweet", foreign=True) as channel:
        assert await lease(channel) == "UNAVAILABLE"
    trusted = (world.certificates / "ca.pem").read_bytes()
    async with dial(world.sidecar.inbound, trusted, None) as channel:
        assert await lease(channel) == "UNAVAILABLE"
    assert world.ids.calls == 0


async def test_a_peer_cannot_claim_another_name_by_header(world: World) -> None:
    forged = ((FORWARDED, f"By=x;Hash={'0' * 64};URI={spiffe_id('user')}"),)
    for name, expected in (("tweet", "OK"), ("timeline", "PERMISSION_DENIED")):
        async with world.as_(name) as channel:
            call = stubs.IdServiceStub(channel).LeaseWorker(
                pb.LeaseWorkerRequest(owner="a"), timeout=WAIT_S, metadata=forged
            )
            assert (await call.code()).name == expected
    assert (world.ids.calls, world.ids.peer) == (1, "tweet")


async def test_health_is_shown_to_everybody_with_a_certificate(world: World) -> None:
    async with world.as_("timeline") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=WAIT_S
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_asked_to_stop_it_lets_calls_end(world: World) -> None:
    world.ids.open.clear()
    async with world.as_("tweet") as channel:
        under_way = asyncio.create_task(lease(channel))
        await until(lambda: world.ids.calls == 1)
        world.sidecar.process.terminate()

        async def draining() -> bool:
            """It sends other clients away."""
            async with world.as_("timeline") as other:
                assert await lease(other) == "PERMISSION_DENIED"
            return await world.sidecar.stat("http.inbound.downstream_cx_drain_close") > 0

        await until(draining)
        assert world.sidecar.process.returncode is None
        world.ids.open.set()
        assert await under_way == "OK"
    async with asyncio.timeout(WAIT_S):
        assert await world.sidecar.process.wait() == 0


async def test_a_killed_sidecar_leaves_no_envoy(world: World) -> None:
    world.sidecar.process.kill()

    async def is_gone() -> bool:
        return not await accepts(world.sidecar.inbound)

    await until(is_gone)
