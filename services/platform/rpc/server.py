"""A gRPC server with what every process needs: health, reflection, interceptors, clean drain."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import grpc
import grpc.aio
import structlog
from aviary.edge.v1 import access_pb2
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from opentelemetry import metrics, trace

from services.platform.observability.log_events import (
    EVENT_NOT_READY,
    EVENT_READY,
    EVENT_RPC_DRAINED,
    EVENT_RPC_LISTENING,
)
from services.platform.observability.names import METRIC_NOT_READY, SCOPE
from services.platform.rpc.admin_calls import operated
from services.platform.rpc.http_connection import Site
from services.platform.rpc.http_listener import HttpAt, HttpListener
from services.platform.rpc.interceptors import Handler, Rpc, server_duration, wrap
from services.platform.rpc.json_calls import JsonCalls
from services.platform.rpc.method_handlers import (
    Servicer,
    Unregistered,
    Wrap,
    generic_handler,
)
from services.platform.rpc.reflection import GuardedReflection
from services.platform.rpc.server_options import OPTIONS, TLS_OPTIONS
from services.platform.runtime.background import Background
from services.platform.runtime.ending import GRACE_S
from services.platform.runtime.readiness import Readiness
from services.platform.security.call_table import allowed_peers
from services.platform.security.process import PLAIN, Security

__all__ = ["READY", "BindError", "HttpAt", "RpcServer", "Servicer"]

_log = structlog.get_logger()

READY = "aviary.ready"
"""Asked for this name, the health check says whether everything holds that the process needs of
itself; asked for none, whether it takes calls. Envoys and kubelets ask for none: a process that
cannot write may still read, and neither taking its calls away nor a restart would help it."""

READINESS_POLL_S = 2.0
"""Between looks at what must hold; as often as the edges ask for health."""


class BindError(OSError):
    """The server cannot listen on `address`."""

    def __init__(self, address: str) -> None:
        super().__init__(f"cannot listen on {address}: it is in use or not this host's")
        self.address = address


class RpcServer:
    """Serves `servicers` on `address` (`host:port`, port 0 takes a free one; or `unix:/path`).

    With certificates in `security`, peers need one too, and may call what the table gives them;
    with a verifier, they sign their requests. Behind a sidecar, which has the certificates, what
    it says of peers is held to the same table. A ready-made handler among the servicers, of a
    contract that is not Aviary's, is served as it is, and sees to its own peers. At
    `probe_address` health checks, and nothing else, are answered without any of that: a kubelet
    has no certificate. At `http` the RPCs that speak JSON are served over HTTP/1.1 as well, at
    their paths of REST; no sidecar stands before it. While something in `readiness` does not hold,
    the health of `READY` and of every service by its name is NOT_SERVING.

    The providers default to the process's own, as `observability.setup.configure` set them.
    """

    def __init__(  # noqa: PLR0913 - all but two have defaults, which tests replace one by one
        self,
        address: str,
        servicers: Sequence[Servicer | grpc.GenericRpcHandler],
        *,
        security: Security = PLAIN,
        probe_address: str | None = None,
        http: HttpAt | None = None,
        readiness: Readiness | None = None,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._address = address
        self._servicers = tuple(one for one in servicers if isinstance(one, Servicer))
        self._foreign = tuple(one for one in servicers if not isinstance(one, Servicer))
        self._security = security
        self._probe_address = probe_address
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        self._duration = server_duration(meter_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_gauge(METRIC_NOT_READY, [self._observe_readiness])
        self._http = None if http is None else self._http_listener(http)
        self._health = health.aio.HealthServicer()
        self._readiness = readiness or Readiness()
        self._failing: list[str] = []
        self._polling = Background("readiness", self._report, every_s=READINESS_POLL_S)
        self._server: grpc.aio.Server | None = None
        self._draining: grpc.aio.Server | None = None
        self._hurried = asyncio.Event()
        self._probed: grpc.aio.Server | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The bound port; 0 before `start`."""
        return self._port

    @property
    def address(self) -> str:
        """`host:port` with the bound port; that of a Unix socket has none."""
        if self._address.startswith("unix:"):
            return self._address
        return f"{self._address.rpartition(':')[0]}:{self._port}"

    @property
    def http_port(self) -> int:
        """The bound port of `http`; 0 before `start`, and without it."""
        return 0 if self._http is None else self._http.port

    async def start(self) -> None:
        """Bind, accept calls and report SERVING; raises BindError if the address is taken."""
        # gRPC ties a server to the loop it is made in, so it is made here, not in the constructor.
        tls = self._security.tls
        wrapped = self._wrapping(self._security, names_peers=self._security.names_peers)
        server = grpc.aio.server(options=OPTIONS if tls is None else OPTIONS + TLS_OPTIONS)
        server.add_generic_rpc_handlers(
            (*(generic_handler(one, wrapped) for one in self._servicers), *self._foreign)
        )
        unregistered = Unregistered(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, unregistered)
        reflected = [*self._names(), health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            GuardedReflection(reflected, self._security), unregistered
        )
        try:
            self._port = (
                server.add_insecure_port(self._address)
                if tls is None
                else server.add_secure_port(self._address, tls.server_credentials())
            )
        except RuntimeError as error:
            raise BindError(self._address) from error
        probed = self._probed_server()
        await self._set_ready(ready=True)
        try:
            await server.start()
            await self._start_http()
        except BaseException:
            await server.stop(None)  # it is half started, and nobody else knows of it
            raise
        self._server = server
        if probed is not None:
            # Last: whoever learns that this process lives can call it.
            await probed.start()
            self._probed = probed
        await self._health.set(health.OVERALL_HEALTH, health_pb2.HealthCheckResponse.SERVING)
        await self._report()
        self._polling.start(after_s=READINESS_POLL_S)
        _log.info(EVENT_RPC_LISTENING, address=self.address)

    async def stop(self, grace_s: float = GRACE_S, *, leave_s: float = 0.0) -> None:
        """Report NOT_SERVING, refuse new calls, let those in flight end, cut them at `grace_s`.

        New calls are taken for `leave_s` of that, while callers go elsewhere.
        """
        if (server := self._server) is None:
            return
        self._server = None
        await self._polling.stop()
        await self._health.enter_graceful_shutdown()
        for drain in filter(None, (servicer.drain for servicer in self._servicers)):
            drain()
        http = [] if self._http is None else [self._http.stop(grace_s)]
        await asyncio.gather(self._stop_calls(server, leave_s, grace_s), *http)
        if self._probed is not None:
            await self._probed.stop(None)
        _log.info(EVENT_RPC_DRAINED, address=self.address)

    async def _stop_calls(self, server: grpc.aio.Server, leave_s: float, grace_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(leave_s):
                await self._hurried.wait()
        # Calls that reach gRPC from here on are dropped: callers find them cancelled.
        self._draining = server
        await server.stop(None if self._hurried.is_set() else max(0.0, grace_s - leave_s))

    async def cut(self) -> None:
        """End the calls that a `stop` under way waits for."""
        self._hurried.set()
        if self._http is not None:
            self._http.cut()
        if self._draining is not None:
            await self._draining.stop(None)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        if self._server is not None:
            await self._server.wait_for_termination()

    def _names(self) -> list[str]:
        return [servicer.descriptor.full_name for servicer in self._servicers]

    async def _report(self) -> None:
        """Bring the health up to what holds now, with one log event at each change."""
        failing = self._readiness.failing()
        if failing == self._failing:
            return
        self._failing = failing
        await self._set_ready(ready=not failing)
        if failing:
            _log.error(EVENT_NOT_READY, failing=failing)
        else:
            _log.info(EVENT_READY)

    def _observe_readiness(self, _options: metrics.CallbackOptions) -> list[metrics.Observation]:
        # What was found on the event loop: an exporter asks from a thread of its own.
        failing = self._failing
        return [
            metrics.Observation(int(name in failing), {"requirement": name})
            for name in self._readiness.names()
        ]

    async def _set_ready(self, *, ready: bool) -> None:
        serving = health_pb2.HealthCheckResponse.SERVING
        status = serving if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in (READY, *self._names()):
            await self._health.set(name, status)

    def _probed_server(self) -> grpc.aio.Server | None:
        if self._probe_address is None:
            return None
        server = grpc.aio.server(options=OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        try:
            server.add_insecure_port(self._probe_address)
        except RuntimeError as error:
            raise BindError(self._probe_address) from error
        return server

    def _http_listener(self, http: HttpAt) -> HttpListener:
        # Whoever has connected is the edge by its own certificate, and no sidecar's word.
        own = replace(self._security, sidecar=False)
        named = http.tls is not None
        calls = JsonCalls(self._servicers, self._wrapping(own, names_peers=named), named=named)
        return HttpListener(http.address, Site(calls.answer), http.tls)

    async def _start_http(self) -> None:
        if self._http is not None:
            try:
                await self._http.start()
            except OSError as error:
                raise BindError(self._http.address) from error

    def _wrapping(self, security: Security, *, names_peers: bool) -> Wrap:
        def wrapped(method: MethodDescriptor, handler: Handler) -> Handler:
            return wrap(self._rpc(method, security, names_peers=names_peers), handler)

        return wrapped

    def _rpc(self, method: MethodDescriptor, security: Security, *, names_peers: bool) -> Rpc:
        return Rpc(
            method.containing_service.full_name,
            method.name,
            self._tracer,
            self._duration,
            streams=method.server_streaming,
            lasting=method.GetOptions().Extensions[access_pb2.lasting],
            peers=allowed_peers(method) if names_peers else None,
            security=security,
            operators=operated(method),
        )
