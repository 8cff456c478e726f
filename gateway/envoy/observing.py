"""The edge's access log and traces."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.credentials import CLAIMS_KEY
from gateway.envoy.extensions import API, JWT_AUTHN, typed
from gateway.envoy.log_filters import all_of, any_of, grpc_status, header_is_not, status
from gateway.envoy.shared_limits import READS
from gateway.envoy.upstreams import COLLECTOR_CLUSTER
from services.platform.observability.version import aviary_version

__all__ = ["REQUESTS", "access_logs", "file_log", "operation", "tracing"]

# Without the query: somebody will put a token there.
PATH = "%PATH(NQ:ORIG_OR_PATH)%"
# The answer's, which has one even where the request was refused unread; the request's where there
# was no answer.
_FROM = [{"command": side, "param": "X-REQUEST-ID"} for side in ("RESP", "REQ")]
REQUEST_ID = f"%COALESCE({json.dumps({'operators': _FROM})})%"
# As the caller sent it: the transcoder makes a POST of each.
METHOD = "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%"
REQUESTS = {
    "time": "%START_TIME%",
    "method": METHOD,
    "path": PATH,
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "request_id": REQUEST_ID,
    "trace_id": "%TRACE_ID%",
}
# The fields of `services.platform.security.denials`, and what distinguishes two of a kind.
DENIALS = {
    "time": "%START_TIME%",
    "status": "%RESPONSE_CODE%",
    # Of a call by gRPC: its status is 200, whatever the answer.
    "grpc": "%GRPC_STATUS%",
    # The RPC that the path was for: there are few of them, and endless paths. Of what is read over
    # HTTP the path of REST, of which there is one for each.
    "rpc": "%PATH(NQ:PATH)%",
    "remote": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user": f"%DYNAMIC_METADATA({JWT_AUTHN}:{CLAIMS_KEY}:sub)%",
    "client": f"%DYNAMIC_METADATA({JWT_AUTHN}:{CLAIMS_KEY}:client_id)%",
    "reason": "%RESPONSE_CODE_DETAILS%",
    "request_id": REQUEST_ID,
}
DENIED_STATUSES = (401, 403, 429)
DENIED_GRPC = ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED")


READS_LOGGED_PERCENT = 1
"""Of reads by a good token. Whom the edge lets in is recorded once an hour at most, and whoever
comes a hundred times in it most likely is; a line for each would cost reads what the edge saves."""

SAMPLED_PERCENT = 100
"""Of requests that come without a trace. One machine's traffic is looked at request by request."""
REQUEST_TAGS = {
    "http.method": METHOD,
    "http.request.method": METHOD,
    "http.response.status_code": "%RESPONSE_CODE%",
    "http.url": PATH,
    "url.path": PATH,
    "aviary.rpc": "%ROUTE_NAME%",
}
"""Attributes of the edge's spans: OpenTelemetry's, and two of Envoy's older ones put right."""


def access_logs(config: EdgeConfig) -> list[dict[str, Any]]:
    """Log a line of JSON for each request, and elsewhere what the audit log is to have.

    That is each request that was refused, each other write with a good token, and a few reads.
    """
    logs = [file_log(config.access_log_path, REQUESTS)]
    if config.denials_log_path is not None:
        denied = [status("EQ", number) for number in DENIED_STATUSES]
        denied.append(grpc_status(DENIED_GRPC))
        log = file_log(config.denials_log_path, DENIALS)
        audited = [*denied, all_of(_by_a_token(), any_of(_few(), header_is_not(":path", READS)))]
        logs.append({**log, "filter": any_of(*audited)})
    return logs


def file_log(path: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Log `fields`, name to Envoy's format, as a line of JSON each time."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            f"{API}.extensions.access_loggers.file.v3.FileAccessLog",
            path=path,
            log_format={"json_format": dict(fields)},
        ),
    }


def _by_a_token() -> dict[str, Any]:
    path = [{"key": CLAIMS_KEY}, {"key": "iss"}]
    matcher = {"filter": JWT_AUTHN, "path": path, "value": {"present_match": True}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


def _few() -> dict[str, Any]:
    sample = {"numerator": READS_LOGGED_PERCENT, "denominator": "HUNDRED"}
    return {
        "runtime_filter": {
            "runtime_key": "aviary.audit.reads",
            "percent_sampled": sample,
            # By chance, not by the request's id, which its sender may choose.
            "use_independent_randomness": True,
        }
    }


def tracing(name: str = "edge", percent: int = SAMPLED_PERCENT) -> dict[str, Any]:
    """Begin a trace, or continue the request's, and export this Envoy's spans under `name`.

    Of traces that begin here `percent` in a hundred are recorded.
    """
    version = {"attributes": {"service.version": aviary_version()}}
    detector = "tracers.opentelemetry.resource_detectors"
    return {
        "random_sampling": {"value": percent},
        # Envoy's own have the method that the transcoder made of it, and a query, where somebody
        # will put a token.
        "custom_tags": [{"tag": tag, "value": value} for tag, value in REQUEST_TAGS.items()],
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed(
                f"{API}.config.trace.v3.OpenTelemetryConfig",
                service_name=name,
                grpc_service={
                    "envoy_grpc": {"cluster_name": COLLECTOR_CLUSTER},
                    "timeout": "1s",
                },
                resource_detectors=[
                    {
                        "name": f"envoy.{detector}.static_config",
                        "typed_config": typed(
                            f"{API}.extensions.{detector}.v3.StaticConfigResourceDetectorConfig",
                            **version,
                        ),
                    }
                ],
            ),
        },
    }


def operation(name: str) -> dict[str, Any]:
    """Name the span of a request by its route."""
    return {"decorator": {"operation": name, "propagate": False}}
