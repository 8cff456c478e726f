"""What Valkey's users report of its memory, on real servers."""

from pathlib import Path

from services.platform.observability.names import METRIC_VALKEY_EVICTED, METRIC_VALKEY_MEMORY
from services.platform.valkey.connection import ValkeyClient, open_valkey
from services.platform.valkey.server_metrics import ServerMetrics
from tests.contract.metric_values import Metrics
from tests.contract.valkey_clients import client, server
from tests.contract.valkey_servers import valkey_node

__all__ = ["client", "server"]

BOUND = 4 * 1024 * 1024
VALUE = b"x" * 64 * 1024
KEYS = 200
"""Together three times what the server may hold."""


async def test_memory_is_of_the_machine_where_nothing_bounds_it(client: ValkeyClient) -> None:
    metrics = Metrics()
    figures = ServerMetrics(client, "cache", meter_provider=metrics.provider)
    assert metrics.values(METRIC_VALKEY_MEMORY) == {}
    await figures.look()
    # It evicts nothing: labels are in the order of their names.
    ((labels, share),) = metrics.values(METRIC_VALKEY_MEMORY).items()
    assert labels == ("no", "cache")
    assert 0 < share < 0.5
    assert metrics.values(METRIC_VALKEY_EVICTED) == {("cache",): 0}


async def test_a_cache_that_is_full_evicts_and_a_dead_one_says_nothing(tmp_path: Path) -> None:
    metrics = Metrics()
    options = ("--maxmemory", str(BOUND), "--maxmemory-policy", "allkeys-lru")
    with valkey_node(tmp_path, *options) as port:
        small = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=5)
        figures = ServerMetrics(small, "cache", meter_provider=metrics.provider)
        for number in range(KEYS):
            await small.set(f"k{number}", VALUE)
        await figures.look()
        ((labels, share),) = metrics.values(METRIC_VALKEY_MEMORY).items()
        assert labels == ("yes", "cache")
        assert share > 0.8
        assert metrics.values(METRIC_VALKEY_EVICTED)[("cache",)] > KEYS / 2
    await figures.look()
    assert metrics.values(METRIC_VALKEY_MEMORY) == {}
    await small.aclose()
