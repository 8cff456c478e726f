"""The edge's log of requests for the gateway's anomaly scores, which no request waits for."""

from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.limits import FLOOD, LIMITED_BY
from gateway.envoy.log_filters import all_of, any_of, grpc_status, header_is_not, status
from gateway.envoy.shared_limits import READS
from gateway.limits.table import SAFELISTED_SCOPE
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from services.platform.security.identities import GATEWAY

__all__ = ["DIGEST_TAG", "GRPC_STATUS", "LIMITED_SAMPLE_PERCENT", "answer_notes", "signal_log"]

_NAMESPACE = "aviary"
_BUDGET = "budget"
DIGEST_TAG = "digest"
"""The tag that has the digest of what was posted, as the service that took it says."""
GRPC_STATUS = "grpc-status"
"""Logged of answers: of a call by gRPC the HTTP status is 200, whatever the answer."""
# A batch is sent when it is this full or this old.
BATCH_BYTES = 64 * 1024
BATCH_AGE = "0.5s"
LIMITED_SAMPLE_PERCENT = 10
"""Refusals for too many requests come as a flood; one in ten says enough of it."""
_FIRST_ERROR, _LIMITED = 400, 429
_GRPC_LIMITED = "RESOURCE_EXHAUSTED"
# The client's to mend; what the server failed in says nothing of the client.
_GRPC_FAILURES = (
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "UNAUTHENTICATED",
)


def answer_notes() -> dict[str, Any]:
    """Keep for the log what answers say to the edge; the digest of a post is taken off."""
    rules = [
        {"header": CONTENT_DIGEST_KEY, "on_header_present": _note(DIGEST_TAG), "remove": True},
        {"header": LIMITED_BY, "on_header_present": _note(_BUDGET)},
    ]
    return http_filter("header_to_metadata", "Config", response_rules=rules)


def _note(key: str) -> dict[str, Any]:
    return {"metadata_namespace": _NAMESPACE, "key": key}


def signal_log(config: EdgeConfig) -> list[dict[str, Any]]:
    """Stream writes and failures to the gateway in batches; a read that succeeds is not logged.

    Nor is what safelisted callers do: it lowers nobody's standing, not even their address's. What
    is refused as a flood is not known to be theirs or another's yet.
    """
    if not config.limits:
        return []
    message = f"{API}.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
    digest = {"metadata_key": {"key": _NAMESPACE, "path": [{"key": DIGEST_TAG}]}}
    logged = any_of(_failed(), _limited_sample(), _write())
    return [
        {
            "name": "envoy.access_loggers.http_grpc",
            "filter": all_of(_not_safelisted(), logged),
            "typed_config": typed(
                message,
                common_config={
                    "log_name": "signals",
                    "grpc_service": {"envoy_grpc": {"cluster_name": GATEWAY}},
                    "transport_api_version": "V3",
                    "buffer_size_bytes": BATCH_BYTES,
                    "buffer_flush_interval": BATCH_AGE,
                    "custom_tags": [
                        {"tag": DIGEST_TAG, "metadata": {"kind": {"request": {}}, **digest}}
                    ],
                },
                additional_request_headers_to_log=[USER_KEY],
                # An answer without a message has it in the headers.
                additional_response_headers_to_log=[GRPC_STATUS],
                additional_response_trailers_to_log=[GRPC_STATUS],
            ),
        }
    ]


def _not_safelisted() -> dict[str, Any]:
    return header_is_not(SCOPE_KEY, f"(.* )?{SAFELISTED_SCOPE}( .*)?")


def _failed() -> dict[str, Any]:
    by_http = all_of(status("GE", _FIRST_ERROR), status("NE", _LIMITED))
    return any_of(by_http, grpc_status(_GRPC_FAILURES))


def _limited_sample() -> dict[str, Any]:
    sample = {
        "runtime_key": "aviary.signals.limited",
        "percent_sampled": {"numerator": LIMITED_SAMPLE_PERCENT, "denominator": "HUNDRED"},
        "use_independent_randomness": True,
    }
    limited = any_of(status("EQ", _LIMITED), grpc_status([_GRPC_LIMITED]))
    return all_of(limited, {"runtime_filter": sample}, _by_a_budget_of_its_class())


def _by_a_budget_of_its_class() -> dict[str, Any]:
    budget = f"metadata.filter_metadata['{_NAMESPACE}']['{_BUDGET}']"
    cel = f"{API}.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": typed(cel, expression=f"{budget} != '{FLOOD}'"),
        }
    }


def _write() -> dict[str, Any]:
    return all_of(
        status("LE", _FIRST_ERROR - 1),
        grpc_status([_GRPC_LIMITED], exclude=True),
        header_is_not(":path", READS),
    )
