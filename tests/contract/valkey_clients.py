"""Fixtures: a client of one Valkey node, and one of a cluster of three."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.lines import ValkeyCluster, ValkeyNode
from tests.contract.valkey_servers import valkey_cluster, valkey_node

__all__ = ["client", "connected", "server"]


def connected(server: tuple[str, int]) -> ValkeyClient:
    """Make a client of (node or cluster, its port); the caller closes it."""
    kind, port = server
    of_kind = ValkeyNode if kind == "node" else ValkeyCluster
    return of_kind(host="127.0.0.1", port=port)


@pytest.fixture(scope="module", params=["node", "cluster"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    start = valkey_node if request.param == "node" else valkey_cluster
    with start(tmp_path_factory.mktemp("valkey")) as port:
        yield request.param, port


@pytest.fixture
async def client(server: tuple[str, int]) -> AsyncIterator[ValkeyClient]:
    async with connected(server) as made:
        await made.flushall()
        yield made
