"""A real Envoy that shows its certificate to a real service, and looks at the service's."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from cryptography import x509

from gateway.envoy import EdgeConfig, public_services, to_yaml
from gateway.envoy.secrets import write_secrets
from gateway.envoy_binary import envoy_binary
from services.platform.rpc import server as server_module
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.security.certificates.folder import CertificateFolder
from services.platform.security.process import Security
from services.platform.security.tls import TlsFiles
from tests.certificates import WAIT_S, files, new_folder, serial_of, until
from tests.edge.conftest import DESCRIPTOR, Tweets, _base_url, admin_client, admin_socket
from tests.processes import free_port

LOADERS = 4
ALMOST_DUE = timedelta(days=5)


class SeeingTweets(Tweets):
    """Notes whose certificate it was called with."""

    peer_serial = 0

    async def DeleteTweet(self, request, context):  # noqa: N802
        (pem,) = context.auth_context()["x509_pem_cert"]
        self.peer_serial = x509.load_pem_x509_certificate(pem).serial_number
        return await super().DeleteTweet(request, context)

    async def LookupTweets(self, request, context):  # noqa: N802, ARG002
        return tweet_pb.LookupTweetsResponse()

    async def ListAuthorTweets(self, request, context):  # noqa: N802, ARG002
        return tweet_pb.ListAuthorTweetsResponse()

    async def DecideDelivery(self, request, context):  # noqa: N802, ARG002
        return tweet_pb.DecideDeliveryResponse()


@dataclass
class World:
    client: httpx.AsyncClient
    admin: httpx.AsyncClient
    tweets: SeeingTweets
    serving: TlsFiles
    statuses: dict[int, int] = field(default_factory=dict)

    async def call(self) -> int:
        return (await self.client.delete("/v1/tweets/1")).status_code

    async def is_served(self) -> bool:
        # Envoy writes its port a moment before it listens there.
        with contextlib.suppress(httpx.ConnectError):
            return await self.call() == 200
        return False

    async def load(self) -> None:
        while True:
            status = await self.call()
            self.statuses[status] = self.statuses.get(status, 0) + 1

    async def more(self, calls: int = 100) -> None:
        wanted = sum(self.statuses.values()) + calls
        await until(lambda: sum(self.statuses.values()) >= wanted)

    async def stat(self, name: str) -> int:
        answer = await self.admin.get("/stats", params={"filter": name, "format": "json"})
        return sum(each.get("value", 0) for each in answer.json()["stats"])

    async def edge_serials(self) -> tuple[set[int], set[int]]:
        """(of the edge's own certificate, of the authorities it trusts), as Envoy says."""
        certificates = json.loads((await self.admin.get("/certs")).text)["certificates"]
        own = {int(c["serial_number"], 16) for each in certificates for c in each["cert_chain"]}
        trusted = {int(c["serial_number"], 16) for each in certificates for c in each["ca_cert"]}
        return own, trusted


@asynccontextmanager
async def world(
    folder: Path, certificates: Path, *, server_folder: Path | None = None, server_as: str = "tweet"
) -> AsyncIterator[World]:
    """An edge with `certificates`, and a tweet service that shows what it is given."""
    write_secrets(certificates)
    serving, tweets = files(server_folder or certificates, server_as), SeeingTweets()
    (descriptor,) = tweet_pb.DESCRIPTOR.services_by_name.values()
    security = Security(serving)
    server = RpcServer("127.0.0.1:0", [Servicer(descriptor, tweets)], security=security)
    await server.start()
    await serving.start()
    nowhere = f"127.0.0.1:{free_port()}"
    config = EdgeConfig(
        listen_port=0,
        admin_socket=admin_socket(folder),
        backends=dict.fromkeys(public_services(), nowhere) | {"tweet": server.address},
        descriptor_path=str(DESCRIPTOR),
        access_log_path=str(folder / "access.log"),
        certificates=str(certificates),
        unauthenticated=True,
    )
    (folder / "envoy.yaml").write_text(to_yaml(config))
    with (folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(envoy_binary()),
            *("-c", str(folder / "envoy.yaml"), "--disable-hot-restart"),
            *("--concurrency", "1", "--admin-address-path", str(folder / "admin")),
            stderr=log,
        )
    try:
        url = await _base_url(process, folder)
        async with (
            httpx.AsyncClient(base_url=url, timeout=WAIT_S) as client,
            admin_client(folder) as admin,
        ):
            yield World(client, admin, tweets, serving)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await serving.stop()
        await server.stop(0)


@asynccontextmanager
async def under_load(world: World) -> AsyncIterator[None]:
    await until(world.is_served)
    tasks = [asyncio.create_task(world.load()) for _ in range(LOADERS)]
    await world.more()
    try:
        yield
        await world.more()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def short_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Envoy shows its certificate again and again, so that a renewed one is seen."""
    options = (("grpc.max_connection_age_ms", 500), ("grpc.max_connection_age_grace_ms", 10_000))
    monkeypatch.setattr(server_module, "TLS_OPTIONS", options)


def test_envoy_accepts_it(tmp_path: Path) -> None:
    new_folder(tmp_path / "certificates")
    write_secrets(tmp_path / "certificates")
    config = EdgeConfig(
        descriptor_path=str(DESCRIPTOR), certificates=str(tmp_path / "certificates")
    )
    (tmp_path / "envoy.yaml").write_text(to_yaml(config))
    verdict = subprocess.run(
        [str(envoy_binary()), "--mode", "validate", "-c", str(tmp_path / "envoy.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.returncode == 0, verdict.stderr


async def test_calls_and_health_checks_carry_the_edges_certificate(tmp_path: Path) -> None:
    certificates = tmp_path / "certificates"
    new_folder(certificates)
    async with world(tmp_path, certificates) as edge, under_load(edge):
        assert edge.tweets.peer_serial == serial_of(certificates / "edge.pem")
        assert await edge.stat(r"cluster.tweet.health_check.success") > 0
        assert await edge.stat(r"cluster.tweet.ssl.versions.TLSv1.3") > 0
    assert edge.statuses.keys() == {200}


@pytest.mark.parametrize(
    ("kind", "stat"), [("san", "fail_verify_san"), ("authority", "fail_verify_error")]
)
async def test_a_service_with_another_certificate_is_refused(
    tmp_path: Path, kind: str, stat: str
) -> None:
    certificates, foreign = tmp_path / "certificates", tmp_path / "foreign"
    new_folder(certificates)
    new_folder(foreign)
    if kind == "san":
        shown = world(tmp_path, certificates, server_as="graph")
    else:
        # It trusts the edge, but the edge does not trust it.
        own = (certificates / "ca.pem").read_bytes()
        (foreign / "ca.pem").write_bytes(own)
        shown = world(tmp_path, certificates, server_folder=foreign)
    async with shown as edge:

        async def refused() -> bool:
            return await edge.stat(f"cluster.tweet.ssl.{stat}") > 0

        await until(refused)
        assert await edge.call() == 503
        assert edge.tweets.peer_serial == 0


@pytest.mark.usefixtures("short_connections")
async def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    certificates = tmp_path / "certificates"
    folder = new_folder(certificates, made=ALMOST_DUE)
    async with world(tmp_path, certificates) as edge, under_load(edge):
        assert edge.tweets.peer_serial == serial_of(certificates / "edge.pem")
        assert "edge" in folder.renew(datetime.now(UTC))
        new = serial_of(certificates / "edge.pem")
        await until(lambda: edge.tweets.peer_serial == new)
        await until(lambda: edge.serving.current.serial == serial_of(certificates / "tweet.pem"))
    assert edge.statuses.keys() == {200}


@pytest.mark.usefixtures("short_connections")
async def test_an_authority_is_replaced_without_a_restart(tmp_path: Path) -> None:
    certificates = tmp_path / "certificates"
    folder = new_folder(certificates)
    async with world(tmp_path, certificates) as edge, under_load(edge):

        async def settled() -> bool:
            """Both ends use what is in the folder."""
            pem = (certificates / "ca.pem").read_bytes()
            trusted = {each.serial_number for each in x509.load_pem_x509_certificates(pem)}
            own = {serial_of(certificates / "edge.pem")}
            return edge.serving.current.trusted == pem and (
                await edge.edge_serials() == (own, trusted)
            )

        await until(settled)
        for step in (
            CertificateFolder.add_authority,
            CertificateFolder.switch_authority,
            CertificateFolder.drop_authority,
        ):
            step(folder, datetime.now(UTC))
            await until(settled)
            await edge.more()
        new = serial_of(certificates / "edge.pem")
        await until(lambda: edge.tweets.peer_serial == new)
    assert edge.statuses.keys() == {200}
