"""Certificates and authorities replaced under load: no call fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aviary.id.v1.id_service_pb2_grpc import IdServiceStub
from cryptography import x509

from services.platform.rpc import server as server_module
from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer
from services.platform.security.process import Security
from services.platform.security.tls import TlsFiles
from tests.certificates import (
    Ids,
    authority_in,
    dial,
    files,
    id_server,
    leaf,
    lease,
    lease_by,
    new_folder,
    serial_of,
    shown_by,
    until,
)

CLIENTS = 8
ALMOST_DUE = timedelta(days=5)  # past two thirds of its life, and good for two days yet


class Load:
    """Calls without pause, none of which is tried again; counts how they end."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    async def run(self, address: str, tls: TlsFiles) -> None:
        async with open_channel(address, [], tls=tls.towards("id")) as channel:
            # One for all the time, as services have them.
            stub = IdServiceStub(channel)
            await asyncio.gather(*(self._call(stub) for _ in range(CLIENTS)))

    async def _call(self, stub) -> None:
        while True:
            code = await lease_by(stub)
            self.codes[code] = self.codes.get(code, 0) + 1

    async def more(self, calls: int = 200) -> None:
        """Waits for so many more calls."""
        wanted = sum(self.codes.values()) + calls
        await until(lambda: sum(self.codes.values()) >= wanted)


@asynccontextmanager
async def under_load(
    folder: Path, ids: Ids
) -> AsyncIterator[tuple[RpcServer, Load, TlsFiles, TlsFiles]]:
    serving, calling = files(folder, "id"), files(folder, "tweet")
    server, load = id_server(ids, Security(serving)), Load()
    await server.start()
    await serving.start()
    await calling.start()
    running = asyncio.create_task(load.run(server.address, calling))
    await load.more()
    try:
        yield server, load, serving, calling
        await load.more()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await calling.stop()
        await serving.stop()
        await server.stop(0)


async def test_renewed_certificates_are_taken_up_by_both_sides(tmp_path: Path) -> None:
    folder, ids = new_folder(tmp_path, made=ALMOST_DUE), Ids()
    async with under_load(tmp_path, ids) as (server, load, _, _):
        old_server, old_client = serial_of(tmp_path / "id.pem"), serial_of(tmp_path / "tweet.pem")
        assert await asyncio.to_thread(shown_by, server.address, tmp_path, "user") == old_server
        assert ids.peer_serial == old_client
        assert "tweet" in folder.renew(datetime.now(UTC))

        new_client = serial_of(tmp_path / "tweet.pem")
        await until(lambda: ids.peer_serial == new_client)

        async def shows_another() -> bool:
            shown = await asyncio.to_thread(shown_by, server.address, tmp_path, "user")
            return shown != old_server

        await until(shows_another)
        shown = await asyncio.to_thread(shown_by, server.address, tmp_path, "user")
        assert shown == serial_of(tmp_path / "id.pem") != old_server
    assert set(load.codes) == {"OK"}


async def test_an_authority_is_replaced(tmp_path: Path) -> None:
    folder, ids = new_folder(tmp_path), Ids()
    before = authority_in(tmp_path)
    async with under_load(tmp_path, ids) as (server, load, serving, calling):

        def settled() -> bool:
            trusted = (tmp_path / "ca.pem").read_bytes()
            return all(
                each.current.trusted == trusted and each.current.serial == serial_of(path)
                for each, path in (
                    (serving, tmp_path / "id.pem"),
                    (calling, tmp_path / "tweet.pem"),
                )
            )

        folder.add_authority(datetime.now(UTC))
        await until(settled)
        await load.more()
        folder.switch_authority(datetime.now(UTC))
        await until(settled)
        await until(lambda: ids.peer_serial == serial_of(tmp_path / "tweet.pem"))
        folder.drop_authority(datetime.now(UTC))
        await until(settled)
        await load.more()

        trusted = (tmp_path / "ca.pem").read_bytes()
        assert before.certificate not in x509.load_pem_x509_certificates(trusted)
        async with dial(server.address, trusted, leaf(before, "tweet")) as channel:
            assert await lease(channel) == "UNAVAILABLE"
        async with dial(server.address, trusted, leaf(authority_in(tmp_path), "tweet")) as channel:
            assert await lease(channel) == "OK"
    assert set(load.codes) == {"OK"}


async def test_a_connection_grows_no_older_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (("grpc.max_connection_age_ms", 100), ("grpc.max_connection_age_grace_ms", 10_000))
    monkeypatch.setattr(server_module, "TLS_OPTIONS", options)
    new_folder(tmp_path)
    ids, peers = Ids(), set()
    lease_worker = ids.LeaseWorker

    async def noting(request, context):
        peers.add(context.peer())
        return await lease_worker(request, context)

    monkeypatch.setattr(ids, "LeaseWorker", noting)
    async with under_load(tmp_path, ids) as (_, load, _, _):
        await until(lambda: len(peers) >= 5)
    assert set(load.codes) == {"OK"}
