"""The clusters behind the edge: one for each public service, and the trace collector's."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.envoy.admin import pipe
from gateway.envoy.extensions import API, typed
from gateway.envoy.secrets import TRUST_FILE, identity_file
from services.identity.spec import SPEC as IDENTITY
from services.media.spec import SPEC as MEDIA
from services.platform.config.values import UNIX, each_address
from services.platform.security.identities import EDGE, server_name, spiffe_id
from services.platform.tokens.issuers import IDENTITY_CLUSTER

__all__ = [
    "COLLECTOR_CLUSTER",
    "HEALTH_CHECKS",
    "MAX_LASTING",
    "MAX_PENDING",
    "MAX_REQUESTS",
    "MEDIA_CLUSTER",
    "REQUEST_TIMEOUT",
    "cluster",
    "collector_cluster",
    "identity_cluster",
    "json_cluster",
    "json_cluster_of",
    "jwks_cluster",
    "media_cluster",
    "mtls",
    "service_cluster",
    "socket_address",
    "tls_settings",
]

COLLECTOR_CLUSTER = "otlp_collector"
MEDIA_CLUSTER: Final = "media_http"
# The whole time a client waits for an answer; beyond it the edge says 504.
REQUEST_TIMEOUT = "10s"
# On one machine or in one region a connection opens in milliseconds; a dead host shows sooner.
CONNECT_TIMEOUT = "1s"
# A dead service is left out after some two seconds and one that hangs after some four, a returned
# one is in at once; one that stands still for three, as on a busy machine, stays in. A check costs
# an idle service more than a millisecond: there are few while all is well, many once it is not.
HEALTH_CHECK_INTERVAL = "2s"
HEALTH_CHECK_TIMEOUT = "1.5s"
UNHEALTHY_INTERVAL = "0.25s"
UNHEALTHY_AFTER = 2
HEALTHY_AFTER = 1
# Calls under way per service. At 10 ms a call it is over 100 000 a second, so only a stuck service
# fills it, and then calls are refused at once.
MAX_REQUESTS = 1024
MAX_PENDING = 1024
# Of those, how many may be tried again at once: as many as one of two processes had in hand when it
# died. With Envoy's own 3 the fourth of them fails.
MAX_RETRIES = MAX_REQUESTS // 2
# Of answers that last, one for each connection of a client.
MAX_LASTING = 20_000
# What the edge takes of a stream for a client that does not read it: so its service learns of that.
LASTING_HTTP: Final = {
    "http2_protocol_options": {
        "initial_stream_window_size": 65_536,
        "initial_connection_window_size": 16_777_216,
    }
}

HEALTH_CHECKS: Final[Sequence[Mapping[str, Any]]] = [
    {
        "timeout": HEALTH_CHECK_TIMEOUT,
        "interval": HEALTH_CHECK_INTERVAL,
        # Also from the first check that fails, while the service is still taken for healthy.
        "unhealthy_interval": UNHEALTHY_INTERVAL,
        # Before the first request Envoy would check only once a minute.
        "no_traffic_interval": UNHEALTHY_INTERVAL,
        "no_traffic_healthy_interval": HEALTH_CHECK_INTERVAL,
        "unhealthy_threshold": UNHEALTHY_AFTER,
        "healthy_threshold": HEALTHY_AFTER,
        "grpc_health_check": {},
    }
]

# Shorter than the services' own, so that a request never meets a connection that is being closed.
HTTP_IDLE_TIMEOUT = "30s"
HTTP_HEALTH_PATH = "/healthz"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def service_cluster(
    name: str, process: str, address: str, certificates: str | None, *, lasting: bool = False
) -> dict[str, Any]:
    """Build the cluster of a service that `process` serves at `address` (host:port, or several).

    It has health checks and bounds: others, where it has RPCs whose answers last. With a folder of
    certificates, both go over mTLS, and to that process alone.
    """
    tls = None if certificates is None else mtls(EDGE, process, certificates)
    spoken = _spoken({"explicit_http_config": LASTING_HTTP}) if lasting else {}
    most = MAX_LASTING if lasting else MAX_REQUESTS
    return (
        cluster(name, [_endpoints(address)], tls)
        | spoken
        | {
            # With no host healthy, fail at once; by default Envoy would try the dead ones.
            "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
            # A host that is gone fails its calls now, not at their timeout.
            "close_connections_on_host_health_failure": True,
            "health_checks": HEALTH_CHECKS,
            "circuit_breakers": {
                "thresholds": [
                    {
                        "max_requests": most,
                        "max_pending_requests": MAX_PENDING,
                        "max_retries": MAX_RETRIES,
                    }
                ]
            },
        }
    )


def json_cluster_of(name: str) -> str:
    """Name the cluster by which the backend of this short name is read over HTTP."""
    return f"{name}-http"


def json_cluster(name: str, process: str, address: str, certificates: str | None) -> dict[str, Any]:
    """Build the cluster of the same service's listener for HTTP/1.1, by which it is read."""
    grpc = service_cluster(name, process, address, certificates)
    check = {**HEALTH_CHECKS[0], "http_health_check": {"path": HTTP_HEALTH_PATH}}
    del check["grpc_health_check"]
    http = {
        "common_http_protocol_options": {"idle_timeout": HTTP_IDLE_TIMEOUT},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return grpc | {"health_checks": [check]} | _spoken(http)


def collector_cluster(address: str) -> dict[str, Any]:
    """Build the cluster of the OTLP gRPC collector at `address` (host:port)."""
    return cluster(COLLECTOR_CLUSTER, [_endpoints(address)])


def mtls(own: str, sibling: str, certificates: str) -> dict[str, Any]:
    """Build the mTLS with which the process `own` reaches `sibling`, and nobody else."""
    exact_name = {"san_type": "URI", "matcher": {"exact": spiffe_id(sibling)}}
    return _tls(server_name(sibling), tls_settings(own, certificates, exact_name))


def _tls(server: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    context = f"{API}.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(context, sni=server, common_tls_context=settings),
    }


def tls_settings(own: str, certificates: str, other_end: Mapping[str, Any]) -> dict[str, Any]:
    """Build what both ends of mTLS have: `own` certificate, and how the other must be named."""
    return {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "alpn_protocols": ["h2"],
        "tls_certificate_sds_secret_configs": [_sds(own, certificates, identity_file(own))],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [other_end]},
            "validation_context_sds_secret_config": _sds("trust", certificates, TRUST_FILE),
        },
    }


def _sds(secret: str, certificates: str, file: str) -> dict[str, Any]:
    source = {"path": f"{certificates}/{file}", "watched_directory": {"path": certificates}}
    return {"name": secret, "sds_config": {"path_config_source": source}}


def socket_address(address: str) -> dict[str, Any]:
    """Build Envoy's form of `host:port`, or of `unix:/path`."""
    if address.startswith(UNIX):
        return pipe(address.removeprefix(UNIX))
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _endpoints(addresses: str) -> dict[str, Any]:
    return {
        "lb_endpoints": [
            {"endpoint": {"address": socket_address(each)}} for each in each_address(addresses)
        ]
    }


def identity_cluster(address: str, certificates: str | None) -> dict[str, Any]:
    """Build the cluster of the embedded issuer's HTTP listener at `address` (host:port).

    With a folder of certificates, over mTLS.
    """
    return _http_cluster(IDENTITY_CLUSTER, IDENTITY.name, address, certificates)


def media_cluster(address: str, certificates: str | None) -> dict[str, Any]:
    """Build the cluster of the media service's HTTP listener, as above."""
    return _http_cluster(MEDIA_CLUSTER, MEDIA.name, address, certificates)


def _http_cluster(
    name: str, process: str, address: str, certificates: str | None
) -> dict[str, Any]:
    tls = None if certificates is None else mtls(EDGE, process, certificates)
    http = {
        "common_http_protocol_options": {"idle_timeout": HTTP_IDLE_TIMEOUT},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    bounds = {"circuit_breakers": {"thresholds": [{"max_retries": MAX_RETRIES}]}}
    return _hosts(name, [_endpoints(address)], tls) | _spoken(http) | bounds


def jwks_cluster(name: str, host: str, port: int, *, tls: bool) -> dict[str, Any]:
    """Build the cluster of another issuer's keys; with `tls`, it must be `host` by a public CA."""
    verified = _server_verified_as(host) if tls else None
    return _hosts(name, [_endpoints(f"{host}:{port}")], verified)


def _server_verified_as(host: str) -> dict[str, Any]:
    names = [{"san_type": "DNS", "matcher": {"exact": host}}]
    context = {"trusted_ca": {"filename": CA_BUNDLE}, "match_typed_subject_alt_names": names}
    return _tls(host, {"validation_context": context})


def cluster(
    name: str, endpoints: Sequence[Mapping[str, Any]], tls: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build a cluster that speaks gRPC; `endpoints` come by locality, as Envoy groups them."""
    return _hosts(name, endpoints, tls) | _spoken(
        {"explicit_http_config": {"http2_protocol_options": {}}}
    )


def _hosts(
    name: str, endpoints: Sequence[Mapping[str, Any]], tls: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "name": name,
        # Takes an IP address too, and follows a name whose address changes.
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": CONNECT_TIMEOUT,
        **({} if tls is None else {"transport_socket": tls}),
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _spoken(http: Mapping[str, Any]) -> dict[str, Any]:
    options = {"@type": f"type.googleapis.com/{_HTTP_OPTIONS}", **http}
    return {"typed_extension_protocol_options": {_HTTP_OPTIONS: options}}
