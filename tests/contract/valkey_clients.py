"""Fixtures: a client of one Valkey node, and one of a cluster of three."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.lines import ValkeyCluster, ValkeyNode
from tests.contract.valkey_servers import valkey_cluster, valkey_node

__all__ = ["client", "server"]


@pytest.fixture(scope="module", params=["node", "cluster"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    start = valkey_node if request.param == "node" else valkey_cluster
    with start(tmp_path_factory.mktemp("valkey")) as port:
        yield request.param, port


@pytest.fixture
async def client(server: tuple[str, int]) -> AsyncIterator[ValkeyClient]:
    kind, port = server
    connected: ValkeyClient = (
        ValkeyNode(host="127.0.0.1", port=port)
        if kind == "node"
        else ValkeyCluster(host="127.0.0.1", port=port)
    )
    async with connected:
        await connected.flushall()
        yield connected
