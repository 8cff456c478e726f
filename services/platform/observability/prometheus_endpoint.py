"""Where Prometheus fetches this process's metrics: `GET /metrics`, answered from a thread.

The text is put together when it is asked for, so it costs requests nothing; recording costs them
the same whoever reads.
"""

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from services.platform.observability.histograms import CountsRead

__all__ = ["PrometheusEndpoint"]

JOIN_TIMEOUT_S = 2.0
"""A scrape under way may end; a process that stops waits no longer for it."""


class _Reader(CountsRead, PrometheusMetricReader):
    pass


class PrometheusEndpoint:
    """Serves at `address` (`host:port`) what `reader`, given to a meter provider, collects.

    The process's own CPU time, memory and file descriptors come with it.
    """

    def __init__(self, address: str) -> None:
        """Listen. Raises `OSError` when the address is taken."""
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        # One scope makes everything: a label that is always the same would only cost.
        self.reader = _Reader(registry=registry, scope_info_enabled=False)
        try:
            self._server, self._thread = start_http_server(int(port), host.strip("[]"), registry)
        except OSError as error:
            raise OSError(f"cannot show metrics at {address}: {error.strerror}") from error

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(JOIN_TIMEOUT_S)
