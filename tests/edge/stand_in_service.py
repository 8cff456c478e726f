"""Stands in for `python -m services <name>`: healthy, and nothing else.

`STAND_IN_UNWELL` names one that refuses its first two requests by HTTP, as if it came up late.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from pathlib import Path

import grpc
from aviary.gateway.v1 import health_service_pb2_grpc as gateway_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.rpc.channels import open_channel
from services.platform.runtime.heartbeat import Heartbeat
from services.platform.security.listener_tls import ListenerTls
from services.platform.security.tls import TlsFiles
from services.platform.specs import all_specs
from tests.edge.conftest import AbortingHealth

BEATS_EVERY_S = 0.02
UNWELL = "STAND_IN_UNWELL"


async def main(name: str) -> None:
    addresses = {one: os.environ[f"AVIARY_{one.upper()}_ADDRESS"] for one in DEFAULT_ADDRESSES}
    server = grpc.aio.server()
    folder = os.environ.get("AVIARY_TLS_DIR")
    files = TlsFiles(Path(folder), name) if folder else None
    serving = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(serving, server)
    await serving.set("", health_pb2.HealthCheckResponse.SERVING)
    if name == "gateway":
        sidecar = os.environ.get("AVIARY_SIDECAR") == "on"
        channels = {
            one: open_channel(
                at,
                [],
                tls=files.towards(one) if files else None,
                behind_sidecar=one if sidecar else None,
            )
            for one, at in addresses.items()
            if one != name
        }
        gateway_grpc.add_HealthServiceServicer_to_server(AbortingHealth(channels), server)
    if files:
        server.add_secure_port(addresses[name], files.server_credentials())
    else:
        server.add_insecure_port(addresses[name])
    await server.start()
    http = await speak_http(name, files)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    pid_file = Path(os.environ["AVIARY_DATA_DIR"]) / f"{name}.pid"
    pid_file.write_text(str(os.getpid()))
    heart = Heartbeat(Path(os.environ["AVIARY_HEARTBEAT_FILE"]))
    while not stop.is_set():
        heart.beat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEATS_EVERY_S)
    await server.stop(1)
    if http is not None:
        http.close()


async def speak_http(name: str, files: TlsFiles | None) -> asyncio.Server | None:
    """Answer every request for as long as the process lives, where the service speaks HTTP."""
    spec = all_specs()[name]
    address = os.environ.get(spec.http_address_variable)
    if address is None:
        return None
    folder = os.environ.get(spec.http_tls_variable) or os.environ.get("AVIARY_TLS_DIR")
    tls = None
    if folder:
        own = files or TlsFiles(Path(folder), name)
        tls = ListenerTls(Path(folder), name, own).context
    refused = itertools.repeat(503, 2 if os.environ.get(UNWELL) == name else 0)
    statuses = itertools.chain(refused, itertools.repeat(200))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                head = f"HTTP/1.1 {next(statuses)} .\r\ncontent-length: 11\r\n\r\n"
                writer.write(head.encode() + b'{"keys":[]}')
        writer.close()

    host, _, port = address.rpartition(":")
    return await asyncio.start_server(answer, host, int(port), ssl=tls)


asyncio.run(main(sys.argv[-1]))
