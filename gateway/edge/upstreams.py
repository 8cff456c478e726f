"""The clusters behind the edge: one for each public service, and the trace collector's."""

from typing import Any

from gateway.edge.extensions import API, typed
from gateway.edge.secrets import IDENTITY_FILE, TRUST_FILE
from services.certificates.identities import EDGE, server_name, spiffe_id

__all__ = ["COLLECTOR_CLUSTER", "REQUEST_TIMEOUT", "collector_cluster", "service_cluster"]

COLLECTOR_CLUSTER = "otlp_collector"
# The whole time a caller waits for an answer; beyond it the edge says 504.
REQUEST_TIMEOUT = "10s"
# On one machine or in one region a connection opens in milliseconds; a dead host shows sooner.
CONNECT_TIMEOUT = "1s"
# A dead service is left out after 2 of these, a returned one is in after 1.
HEALTH_CHECK_INTERVAL = "1s"
UNHEALTHY_AFTER = 2
HEALTHY_AFTER = 1
# Calls under way per service. At 10 ms a call it is over 100 000 a second, so only a stuck service
# fills it, and then callers are told at once.
MAX_REQUESTS = 1024
MAX_PENDING = 1024

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def service_cluster(name: str, address: str, certificates: str | None) -> dict[str, Any]:
    """Build the cluster of the service at `address` (host:port), with health checks and bounds.

    With a folder of certificates, health checks and calls go over mTLS to that service alone.
    """
    return _cluster(name, address, certificates) | {
        # With no host healthy, fail at once; by default Envoy would try the dead ones.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        # A host that is gone fails its calls now, not at their timeout.
        "close_connections_on_host_health_failure": True,
        "health_checks": [
            {
                "timeout": "1s",
                "interval": HEALTH_CHECK_INTERVAL,
                # Before the first request Envoy would check only once a minute.
                "no_traffic_interval": HEALTH_CHECK_INTERVAL,
                "no_traffic_healthy_interval": HEALTH_CHECK_INTERVAL,
                "unhealthy_threshold": UNHEALTHY_AFTER,
                "healthy_threshold": HEALTHY_AFTER,
                "grpc_health_check": {},
            }
        ],
        "circuit_breakers": {
            "thresholds": [{"max_requests": MAX_REQUESTS, "max_pending_requests": MAX_PENDING}]
        },
    }


def collector_cluster(address: str) -> dict[str, Any]:
    """Build the cluster of the OTLP gRPC collector at `address` (host:port)."""
    return _cluster(COLLECTOR_CLUSTER, address)


def _mtls(name: str, certificates: str) -> dict[str, Any]:
    socket = "envoy.transport_sockets.tls"
    exact_name = {"san_type": "URI", "matcher": {"exact": spiffe_id(name)}}
    settings = {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "alpn_protocols": ["h2"],
        "tls_certificate_sds_secret_configs": [_sds(EDGE, certificates, IDENTITY_FILE)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [exact_name]},
            "validation_context_sds_secret_config": _sds("trust", certificates, TRUST_FILE),
        },
    }
    context = f"{API}.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return {
        "name": socket,
        "typed_config": typed(context, sni=server_name(name), common_tls_context=settings),
    }


def _sds(secret: str, certificates: str, file: str) -> dict[str, Any]:
    source = {"path": f"{certificates}/{file}", "watched_directory": {"path": certificates}}
    return {"name": secret, "sds_config": {"path_config_source": source}}


def _cluster(name: str, address: str, certificates: str | None = None) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    socket = {"socket_address": {"address": host, "port_value": int(port)}}
    tls = {} if certificates is None else {"transport_socket": _mtls(name, certificates)}
    return {
        "name": name,
        # Takes an IP address too, and follows a name whose address changes.
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": CONNECT_TIMEOUT,
        **tls,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket}}]}],
        },
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }
