"""How a sidecar finds siblings, and what it does when they fail, by the real Envoy."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs

from gateway.sidecar import Locality
from services.platform.security.process import Security
from services.platform.security.signing import SIGNATURE_KEY
from tests.certificates import WAIT_S, files, id_server, lease, new_folder, until
from tests.edge.sidecars import (
    NOWHERE,
    IdReplica,
    Sidecar,
    config_of,
    id_replicas,
    renew,
    sidecar,
)

HERE = Locality("europe", "a")
NEXT_DOOR = Locality("europe", "b")
FAR = Locality("asia", "a")
MANY = 40
ID = "cluster.id"


@asynccontextmanager
async def calling(
    folder: Path, *localities: Locality, shown: str = "id", **changes: object
) -> AsyncIterator[tuple[Sidecar, list[IdReplica], grpc.aio.Channel]]:
    """The user service's sidecar, and a channel as that service would have it."""
    certificates = folder / "certificates"
    new_folder(certificates)
    async with id_replicas(certificates, *localities, shown=shown) as replicas:
        config = config_of(certificates, "user", replicas=[each.as_replica for each in replicas])
        async with (
            sidecar(folder, replace(config, **changes)) as running,
            running.to_siblings() as channel,
        ):
            if shown == "id":
                await running.reaches(f"{ID}.membership_healthy", len(replicas))
            yield running, replicas, channel


async def codes(call, channel: grpc.aio.Channel, count: int) -> Counter[str]:
    return Counter([await call(channel) for _ in range(count)])


async def test_calls_carry_the_certificate_of_the_own_service(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (_, (replica,), channel):
        assert await lease(channel) == "OK"
        assert replica.ids.peer == "user"


async def test_what_is_no_sibling_has_no_route(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (_, _, channel):
        other = channel.unary_unary("/aviary.timeline.v1.TimelineService/GetHomeTimeline")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await other(b"", timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_the_certificate_of_another_service_is_refused(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE, shown="graph") as (running, (replica,), channel):
        assert await lease(channel) == "UNAVAILABLE"
        assert await running.stat(f"{ID}.ssl.fail_verify_san") > 0
        assert replica.ids.calls == 0


async def test_only_idempotent_rpcs_are_retried(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (_, (replica,), channel):
        replica.ids.fails = True
        assert await lease(channel) == "UNAVAILABLE"
        assert replica.ids.calls == 1
        assert await renew(channel) == "UNAVAILABLE"
        assert replica.ids.calls == 1 + 3


async def test_no_header_makes_the_sidecar_retry(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (_, (replica,), channel):
        replica.ids.fails = True
        steering = (("x-envoy-retry-grpc-on", "unavailable"), ("x-envoy-max-retries", "3"))
        call = stubs.IdServiceStub(channel).LeaseWorker(
            pb.LeaseWorkerRequest(owner="a"), timeout=WAIT_S, metadata=steering
        )
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert replica.ids.calls == 1


async def test_a_retry_goes_to_another_replica(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE, NOWHERE) as (_, (bad, good), channel):
        bad.ids.fails = True
        assert await codes(renew, channel, 20) == {"OK": 20}
        assert bad.ids.calls > 0
        assert good.ids.calls == 20


async def test_a_signed_request_is_its_senders_to_repeat(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (_, (replica,), channel):
        replica.ids.fails = True
        call = stubs.IdServiceStub(channel).RenewLease(
            pb.RenewLeaseRequest(), timeout=WAIT_S, metadata=((SIGNATURE_KEY, "v1 of no matter"),)
        )
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert replica.ids.calls == 1


async def test_retries_stay_within_their_budget(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (running, (replica,), channel):
        replica.ids.fails = True
        replica.ids.open.clear()
        waiting = [asyncio.create_task(renew(channel)) for _ in range(MANY)]
        await until(lambda: replica.ids.calls == MANY)
        replica.ids.open.set()
        assert set(await asyncio.gather(*waiting)) == {"UNAVAILABLE"}
        # A tenth of 40 at a time, each of which tries twice more at most; without a budget, 80.
        retries = replica.ids.calls - MANY
        assert 0 < retries <= MANY // 2
        assert await running.stat(f"{ID}.upstream_rq_retry_overflow") > 0


async def test_a_replica_that_fails_is_left_out_and_comes_back(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE, NOWHERE, ejection_s=1) as (running, replicas, channel):
        bad, good = replicas
        bad.ids.fails = True

        async def ejected() -> bool:
            await lease(channel)
            return await running.stat(f"{ID}.outlier_detection.ejections_active") == 1

        await until(ejected)

        async def spared() -> bool:
            before = bad.ids.calls
            await codes(lease, channel, 5)
            active = await running.stat(f"{ID}.outlier_detection.ejections_active")
            return active == 1 and bad.ids.calls == before

        await until(spared)
        assert good.ids.calls >= 5
        bad.ids.fails = False

        async def is_back() -> bool:
            was = bad.ids.calls
            await lease(channel)
            return bad.ids.calls > was

        await until(is_back)


async def test_the_last_replica_is_not_left_out(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE) as (running, (replica,), channel):
        replica.ids.fails = True
        assert await codes(lease, channel, 20) == {"UNAVAILABLE": 20}
        assert replica.ids.calls == 20
        assert await running.stat(f"{ID}.outlier_detection.ejections_active") == 0
        replica.ids.fails = False
        assert await lease(channel) == "OK"


async def test_calls_beyond_the_bound_are_refused(tmp_path: Path) -> None:
    async with calling(tmp_path, NOWHERE, max_requests=2) as (running, (replica,), channel):
        replica.ids.open.clear()
        under_way = [asyncio.create_task(lease(channel)) for _ in range(2)]
        await until(lambda: replica.ids.calls == 2)
        assert await renew(channel) == "UNAVAILABLE"
        assert await running.stat(f"{ID}.upstream_rq_active_overflow") == 1
        replica.ids.open.set()
        assert await asyncio.gather(*under_way) == ["OK", "OK"]
        assert await renew(channel) == "OK"
        assert replica.ids.calls == 3


async def test_the_own_zone_is_preferred_and_others_take_over(tmp_path: Path) -> None:
    async with calling(tmp_path, FAR, NEXT_DOOR, HERE, locality=HERE) as (_, replicas, channel):
        far, next_door, here = replicas
        # Its first health check may be the last to be answered.
        await until(_answered_by(here, channel))
        before = [each.ids.calls for each in replicas]
        assert await codes(lease, channel, 20) == {"OK": 20}
        after = [each.ids.calls for each in replicas]
        assert [now - then for now, then in zip(after, before, strict=True)] == [0, 0, 20]
        address = here.server.address
        await here.server.stop(0)
        await until(_answered_by(next_door, channel))
        await next_door.server.stop(0)
        await until(_answered_by(far, channel))
        certificates = files(tmp_path / "certificates", "id")
        again = id_server(here.ids, Security(certificates), address)
        await again.start()
        try:
            # It may have been ejected meanwhile, and for longer each time.
            await until(_answered_by(here, channel), within_s=60)
        finally:
            await again.stop(0)


def _answered_by(replica: IdReplica, channel: grpc.aio.Channel):
    async def answered() -> bool:
        before = replica.ids.calls
        return await lease(channel) == "OK" and replica.ids.calls > before

    return answered


async def test_the_clients_deadline_and_trace_arrive(tmp_path: Path) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    async with calling(tmp_path, NOWHERE) as (_, (replica,), channel):
        stub = stubs.IdServiceStub(channel)
        request = pb.LeaseWorkerRequest(owner="a")
        await stub.LeaseWorker(request, timeout=50, metadata=(("traceparent", trace),))
        assert 5 < replica.ids.remaining_s <= 50
        assert replica.ids.metadata["traceparent"] == trace
        replica.ids.open.clear()
        call = stub.LeaseWorker(request, timeout=0.5)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: replica.ids.cancelled == 1)
