"""Certificates for tests: good ones, and ones that nobody should take."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import grpc.aio
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs
from cryptography import x509

from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.security.certificates.authority import (
    Authority,
    Pair,
    issue,
    load_pair,
    new_authority,
)
from services.platform.security.certificates.folder import CertificateFolder
from services.platform.security.identities import server_name
from services.platform.security.process import Security
from services.platform.security.tls import TlsFiles

POLL_S = 0.05
WAIT_S = 20.0


def authority_in(folder: Path) -> Authority:
    """The authority that signs the certificates of this folder."""
    return Authority(*load_pair(Pair((folder / "ca.pem").read_bytes(), _read(folder, "ca.key"))))


def foreign_authority() -> Authority:
    return Authority(*load_pair(new_authority(datetime.now(UTC))))


def leaf(authority: Authority, name: str, *, made: timedelta = timedelta()) -> Pair:
    """Issue a certificate that was made `made` ago."""
    return issue(authority, name, datetime.now(UTC) - made)


def new_folder(path: Path, *, made: timedelta = timedelta()) -> CertificateFolder:
    folder = CertificateFolder(path)
    folder.renew(datetime.now(UTC) - made)
    return folder


def serial_of(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def dial(address: str, trusted: bytes, pair: Pair | None, *, peer: str = "id") -> grpc.aio.Channel:
    """A channel with whatever certificate, past all our own checks."""
    own = (None, None) if pair is None else (pair.key, pair.certificate)
    return grpc.aio.secure_channel(
        address,
        grpc.ssl_channel_credentials(trusted, *own),
        (
            ("grpc.ssl_target_name_override", server_name(peer)),
            # Each channel dials for itself, as each process would.
            ("grpc.use_local_subchannel_pool", 1),
        ),
    )


def shown_by(address: str, folder: Path, name: str) -> int:
    """Serial of the certificate that a server shows to a newcomer."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), WAIT_S) as plain,
        context.wrap_socket(plain) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


class Ids:
    """The id service's RPCs, and who called them last."""

    def __init__(self) -> None:
        self.calls = 0
        self.peer_serial = 0

    async def LeaseWorker(self, request, context) -> pb.LeaseWorkerResponse:  # noqa: N802
        self.calls += 1
        (pem,) = context.auth_context().get("x509_pem_cert", (None,))
        if pem is not None:
            self.peer_serial = x509.load_pem_x509_certificate(pem).serial_number
        return pb.LeaseWorkerResponse(lease=pb.WorkerLease(worker=1, owner=request.owner))

    async def RenewLease(self, request, context) -> pb.RenewLeaseResponse:  # noqa: N802, ARG002
        self.calls += 1
        return pb.RenewLeaseResponse()

    async def ReleaseLease(self, request, context) -> pb.ReleaseLeaseResponse:  # noqa: N802, ARG002
        return pb.ReleaseLeaseResponse()

    async def GenerateIds(self, request, context) -> pb.GenerateIdsResponse:  # noqa: N802, ARG002
        return pb.GenerateIdsResponse()


def id_server(ids: Ids, security: Security, address: str = "127.0.0.1:0") -> RpcServer:
    (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
    return RpcServer(address, [Servicer(descriptor, ids)], security=security)


async def lease(channel: grpc.aio.Channel) -> str:
    """Call the RPC that is never tried again by itself; the code's name."""
    return await lease_by(stubs.IdServiceStub(channel))


async def lease_by(stub: "stubs.IdServiceStub") -> str:
    try:
        await stub.LeaseWorker(pb.LeaseWorkerRequest(owner="a"), timeout=WAIT_S)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def until(holds: Callable[[], bool | Awaitable[bool]], within_s: float = WAIT_S) -> None:
    async with asyncio.timeout(within_s):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


def files(folder: Path, name: str) -> TlsFiles:
    return TlsFiles(folder, name, poll_s=POLL_S)


def _read(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()
