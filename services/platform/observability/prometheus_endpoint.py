"""Where Prometheus fetches this process's metrics: `GET /metrics`, answered from a thread.

The text is put together when it is asked for, so it costs requests nothing; recording costs them
the same whoever reads.
"""

import socket
import threading
from contextlib import suppress
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

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
        self._closing = False
        try:
            self._server = _Server(host.strip("[]"), int(port))
        except OSError as error:
            raise OSError(f"cannot show metrics at {address}: {error.strerror}") from error
        self._server.set_app(make_wsgi_app(registry))
        self._thread = threading.Thread(target=self._serve, name="prometheus", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        # It waits for the next request, so here is one.
        with suppress(OSError):
            socket.create_connection(self._server.at, JOIN_TIMEOUT_S).close()
        self._thread.join(JOIN_TIMEOUT_S)
        self._server.server_close()

    def _serve(self) -> None:
        # Not `serve_forever`, nor prometheus_client's server by it, which looks twice a second
        # whether it is to end.
        while not self._closing:
            self._server.handle_request()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self.at = (str(found[0][4][0]), port)
        super().__init__(self.at, _Handler)


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: Prometheus asks every few seconds."""
