"""The edge's log of requests for the gateway's anomaly scores, which no request waits for."""

from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.shared_limits import READS
from services.platform.security.identities import GATEWAY

__all__ = ["LIMITED_SAMPLE_PERCENT", "TEXT_TAG", "post_text", "signal_log"]

_NAMESPACE = "aviary"
TEXT_TAG = "text"
"""The field of a post's body, and the tag that has it in the log."""
# A batch is sent when it is this full or this old.
BATCH_BYTES = 64 * 1024
BATCH_AGE = "0.5s"
LIMITED_SAMPLE_PERCENT = 10
"""Refusals for too many requests come as a flood; one in ten says enough of it."""
_FIRST_ERROR, _LIMITED = 400, 429


def post_text(config: EdgeConfig) -> list[dict[str, Any]]:
    """Note what a JSON body's `text` says, to find the same post again; for the log only."""
    if not config.limits:
        return []
    rule = {
        "selectors": [{"key": TEXT_TAG}],
        "on_present": {"metadata_namespace": _NAMESPACE, "key": TEXT_TAG},
    }
    # The transcoder, too, takes a body that does not say what it is for JSON.
    rules = {"rules": [rule], "allow_empty_content_type": True}
    return [http_filter("json_to_metadata", "JsonToMetadata", request_rules=rules)]


def signal_log(config: EdgeConfig) -> list[dict[str, Any]]:
    """Stream writes and failures to the gateway in batches; a read that succeeds is not logged."""
    if not config.limits:
        return []
    message = f"{API}.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
    text = {"metadata_key": {"key": _NAMESPACE, "path": [{"key": TEXT_TAG}]}}
    return [
        {
            "name": "envoy.access_loggers.http_grpc",
            "filter": {"or_filter": {"filters": [_failed(), _limited_sample(), _is_no_read()]}},
            "typed_config": typed(
                message,
                common_config={
                    "log_name": "signals",
                    "grpc_service": {"envoy_grpc": {"cluster_name": GATEWAY}},
                    "transport_api_version": "V3",
                    "buffer_size_bytes": BATCH_BYTES,
                    "buffer_flush_interval": BATCH_AGE,
                    "custom_tags": [
                        {"tag": TEXT_TAG, "metadata": {"kind": {"request": {}}, **text}}
                    ],
                },
                additional_request_headers_to_log=["x-user-id"],
            ),
        }
    ]


def _failed() -> dict[str, Any]:
    return _both(_status("GE", _FIRST_ERROR), _status("NE", _LIMITED))


def _limited_sample() -> dict[str, Any]:
    sample = {
        "runtime_key": "aviary.signals.limited",
        "percent_sampled": {"numerator": LIMITED_SAMPLE_PERCENT, "denominator": "HUNDRED"},
        "use_independent_randomness": True,
    }
    return _both(_status("EQ", _LIMITED), {"runtime_filter": sample})


def _is_no_read() -> dict[str, Any]:
    path = {
        "name": ":path",
        "string_match": {"safe_regex": {"regex": READS}},
        "invert_match": True,
    }
    return _both(_status("LE", _FIRST_ERROR - 1), {"header_filter": {"header": path}})


def _both(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"and_filter": {"filters": list(filters)}}


def _status(op: str, status: int) -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": f"aviary.signals.status.{op}.{status}"}
    return {"status_code_filter": {"comparison": {"op": op, "value": value}}}
