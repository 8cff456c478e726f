"""What Prometheus is shown by a process, over a real socket."""

import socket

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider

from services.platform.observability.names import METRIC_CACHE_HITS, METRIC_RPC_SERVER_DURATION
from services.platform.observability.prometheus_endpoint import PrometheusEndpoint
from tests.processes import free_port
from tools.observability.series import series


def test_it_shows_what_was_recorded_until_closed() -> None:
    address = f"127.0.0.1:{free_port()}"
    endpoint = PrometheusEndpoint(address)
    provider = MeterProvider([endpoint.reader], shutdown_on_exit=False)
    meter = provider.get_meter("aviary")
    meter.create_counter(METRIC_CACHE_HITS, unit="{entry}").add(3, {"cache": "home"})
    histogram = meter.create_histogram(METRIC_RPC_SERVER_DURATION, unit="s")
    histogram.record(0.2, {"rpc.method": "a/B", "rpc.code": "OK"})
    lines = httpx.get(f"http://{address}/metrics").text.splitlines()
    assert f'{series(METRIC_CACHE_HITS)}{{cache="home"}} 3.0' in lines
    count = f"{series(METRIC_RPC_SERVER_DURATION)}_count"
    assert f'{count}{{rpc_code="OK",rpc_method="a/B"}} 1.0' in lines
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)
    endpoint.close()
    provider.shutdown()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}/metrics")


def test_a_taken_address_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot show metrics at {address}"):
            PrometheusEndpoint(address)
