"""A real sidecar, and replicas of the id service for it to find."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import grpc.aio
import httpx
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs

from gateway.envoy.secrets import write_secrets
from gateway.sidecar import Locality, Replica, SidecarConfig, to_yaml
from services.platform.errors import UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.peer_identity import peer_name
from services.platform.rpc.server import RpcServer
from services.platform.security.process import Security
from tests.certificates import WAIT_S, Ids, files, id_server, until
from tests.edge.conftest import admin_client, admin_socket
from tests.processes import free_port

NOWHERE = Locality()


@dataclass
class WatchedIds(Ids):
    """The id service's RPCs: what came, and what to do about it."""

    fails: bool = False
    calls: int = 0
    peer: str | None = None
    remaining_s: float = 0
    metadata: dict[str, str] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Calls wait until it is set."""
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    async def LeaseWorker(self, request, context):  # noqa: N802
        await self._answer(context)
        return pb.LeaseWorkerResponse(lease=pb.WorkerLease(worker=1, owner=request.owner))

    async def RenewLease(self, request, context):  # noqa: N802, ARG002
        await self._answer(context)
        return pb.RenewLeaseResponse()

    async def _answer(self, context) -> None:
        self.calls += 1
        self.peer = peer_name()
        self.remaining_s = context.time_remaining()
        self.metadata = dict(context.invocation_metadata())
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise UnavailableError("made to fail")


@dataclass
class IdReplica:
    """One replica, behind no sidecar of its own: what dials it is what is looked at."""

    server: RpcServer
    ids: WatchedIds
    locality: Locality = NOWHERE

    @property
    def as_replica(self) -> Replica:
        return Replica(self.server.address, self.locality)


@asynccontextmanager
async def id_replicas(
    certificates: Path, *localities: Locality, shown: str = "id"
) -> AsyncIterator[list[IdReplica]]:
    """Replicas that show the certificate of `shown`, one in each locality."""
    replicas = []
    for locality in localities:
        ids = WatchedIds()
        server = id_server(ids, Security(files(certificates, shown)))
        await server.start()
        replicas.append(IdReplica(server, ids, locality))
    try:
        yield replicas
    finally:
        for each in replicas:
            each.ids.open.set()
            await each.server.stop(0)


@dataclass
class Sidecar:
    process: asyncio.subprocess.Process
    admin: httpx.AsyncClient
    inbound: str
    outbound: str

    async def stat(self, name: str) -> int:
        query = {"filter": f"^{re.escape(name)}$", "format": "json"}
        answer = await self.admin.get("/stats", params=query)
        return sum(each.get("value", 0) for each in answer.json()["stats"])

    async def reaches(self, name: str, value: int) -> None:
        async def there() -> bool:
            return await self.stat(name) == value

        await until(there)

    def to_siblings(self) -> grpc.aio.Channel:
        """As the service behind it would open one to the id service."""
        return open_channel(self.outbound, [], behind_sidecar="id")


def config_of(
    certificates: Path, service: str, *, behind: str = "", replicas: Sequence[Replica] = ()
) -> SidecarConfig:
    nowhere = f"127.0.0.1:{free_port()}"
    return SidecarConfig(
        service=service,
        behind=behind or nowhere,
        inbound="127.0.0.1:0",
        outbound="127.0.0.1:0",
        # Of all that the services here call, the id service is what tests call.
        siblings={
            "graph": [Replica(nowhere)],
            "tweet": [Replica(nowhere)],
            "id": replicas or [Replica(nowhere)],
        },
        certificates=str(certificates),
    )


@asynccontextmanager
async def sidecar(folder: Path, config: SidecarConfig) -> AsyncIterator[Sidecar]:
    """Run it as it is deployed, with the program that drains it."""
    write_secrets(Path(config.certificates))
    path = folder / "sidecar.yaml"
    here = {"access_log_path": str(folder / "access.log"), "admin_socket": admin_socket(folder)}
    path.write_text(to_yaml(replace(config, **here)))
    with (folder / "envoy.log").open("wb") as log:
        command = [sys.executable, "-m", "gateway.draining_envoy", str(path)]
        process = await asyncio.create_subprocess_exec(*command, stderr=log)
    try:
        await _up(process, folder)
        async with admin_client(folder) as client:
            listeners = await _listeners(client)
            yield Sidecar(process, client, listeners["inbound"], listeners.get("outbound", ""))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _up(process: asyncio.subprocess.Process, folder: Path) -> None:
    at = folder / "sidecar.admin"

    def is_listening() -> bool:
        assert process.returncode is None, (folder / "envoy.log").read_text()
        return at.exists() and bool(at.read_text().strip())

    await until(is_listening)


async def _listeners(admin: httpx.AsyncClient) -> dict[str, str]:
    found: dict[str, str] = {}

    async def listening() -> bool:
        if (await admin.get("/ready")).status_code != 200:
            return False
        answer = await admin.get("/listeners", params={"format": "json"})
        for each in json.loads(answer.text).get("listener_statuses", []):
            at = each["local_address"]["socket_address"]
            found[each["name"]] = f"{at['address']}:{at['port_value']}"
        return "inbound" in found and all([await accepts(at) for at in found.values()])

    await until(listening)
    return found


async def accepts(address: str) -> bool:
    """Envoy writes its ports a moment before it listens there."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


async def renew(channel: grpc.aio.Channel) -> str:
    """Call an RPC that may be called twice; the code's name."""
    try:
        await stubs.IdServiceStub(channel).RenewLease(pb.RenewLeaseRequest(), timeout=WAIT_S)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"
