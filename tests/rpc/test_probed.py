"""What a kubelet asks a process whose peers need certificates."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from aviary.id.v1 import id_service_pb2, id_service_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import BindError, RpcServer
from services.platform.security.process import Security
from tests.certificates import WAIT_S, Ids, files, new_folder
from tests.processes import free_port


def secured_server(folder: Path, probe_address: str) -> RpcServer:
    descriptor = id_service_pb2.DESCRIPTOR.services_by_name["IdService"]
    return RpcServer(
        "127.0.0.1:0",
        [Servicer(descriptor, Ids())],
        security=Security(files(folder, "id")),
        probe_address=probe_address,
    )


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def server(tmp_path: Path, address: str) -> AsyncIterator[RpcServer]:
    new_folder(tmp_path)
    server = secured_server(tmp_path, address)
    await server.start()
    yield server
    await server.stop(0)


async def test_health_is_shown_without_a_certificate(server: RpcServer, address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=WAIT_S
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert server.port


async def test_only_health_is_served_without_a_certificate(server: RpcServer, address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        ids = id_service_pb2_grpc.IdServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ids.GenerateIds(id_service_pb2.GenerateIdsRequest(count=1), timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert server.port


async def test_taken_address_is_named_and_nothing_is_served(
    server: RpcServer, address: str, tmp_path: Path
) -> None:
    assert server.port
    second = secured_server(tmp_path, address)
    with pytest.raises(BindError, match=address):
        await second.start()
    await second.stop(0)


def probe(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli.probe"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_command_answers_by_its_exit_code(server: RpcServer, address: str) -> None:
    healthy = await asyncio.to_thread(probe, {"AVIARY_PROBE_ADDRESS": address})
    assert healthy.returncode == 0, healthy.stderr
    await server.stop(0)
    gone = await asyncio.to_thread(probe, {"AVIARY_PROBE_ADDRESS": address})
    assert (gone.returncode, gone.stderr) == (1, "unhealthy: UNAVAILABLE\n")


@pytest.mark.parametrize(
    ("value", "shown"), [("", "is not set"), ("nowhere", "AVIARY_PROBE_ADDRESS: got 'nowhere'")]
)
def test_command_is_unhealthy_without_an_address(value: str, shown: str) -> None:
    answer = probe({"AVIARY_PROBE_ADDRESS": value})
    assert answer.returncode == 1
    assert shown in answer.stderr
