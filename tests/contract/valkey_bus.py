"""The bus on Valkey, a node or a cluster, and a client beside it that writes what it does not."""

from collections.abc import AsyncIterator

import pytest

from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.valkey.connection import ValkeyClient, open_valkey
from tests.contract.bus_engines import CLIENT_TIMEOUT_S, TOPOLOGY

__all__ = ["bus", "client", "url"]


@pytest.fixture(params=["node", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "cluster":
        return str(request.getfixturevalue("valkey_cluster_url"))
    return str(request.getfixturevalue("valkey_server").url)


@pytest.fixture
async def client(url: str) -> AsyncIterator[ValkeyClient]:
    async with open_valkey(url, timeout_s=CLIENT_TIMEOUT_S) as opened:
        await opened.flushall()
        yield opened


@pytest.fixture
async def bus(client: ValkeyClient, url: str) -> AsyncIterator[ValkeyStreamsDriver]:
    assert client
    driver = ValkeyStreamsDriver(url, TOPOLOGY, visibility_s=1.0)
    await driver.declare(TOPOLOGY)
    yield driver
    await driver.close()
