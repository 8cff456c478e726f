"""What callers got, counted for Prometheus: each request by RPC, whether it failed, and its time.

The access log sees a request when it is over, as its caller does: refusals and failures that Envoy
answers by itself are in it, and answers after the transcoder has turned them into HTTP. The figures
of clusters have neither, so an outage of a service is not to be seen in them.
"""

from typing import Any, Final

from gateway.envoy.extensions import API, typed
from gateway.envoy.log_filters import (
    BY_GRPC,
    NOT_BY_GRPC,
    all_of,
    any_of,
    grpc_status,
    status,
)
from services.platform.rpc.status import SERVER_FAULTS

__all__ = ["ELSEWHERE", "MEDIA", "OAUTH", "answer_figures"]

OAUTH: Final = "oauth"
"""The route of the embedded issuer's HTTP interface."""
MEDIA: Final = "media"
"""The routes of pictures' bytes."""
ELSEWHERE: Final = "elsewhere"
"""The routes of pages, and of paths and methods that do not exist."""
FAULTS: Final = tuple(sorted(code.name for code in SERVER_FAULTS))
LEFT: Final = 0
"""Where a status would be, of a caller that left before an answer."""
LEAST_REFUSAL, LEAST_FAULT = 400, 500
PREFIX: Final = "aviary"
# Labels take their values from the configuration (a route's name) and from numbers of three digits
# at most: nothing that a client writes makes a series.
RPC: Final = {"rpc": "%ROUTE_NAME%"}
STATUS: Final = {"code": "%RESPONSE_CODE%", "grpc": "%GRPC_STATUS_NUMBER%"}
# From a moment to the same one. Without it there would be no series before its first failure, and
# Prometheus sees no increase in what was not there at its last look.
NOTHING: Final = "%COMMON_DURATION(DS_RX_BEG:DS_RX_BEG:ms)%"


def answer_figures() -> list[dict[str, Any]]:
    """Build the access loggers that count.

    By `rpc` (`package.Service/Method` over REST too, `oauth`, `media`, `elsewhere`, or empty for
    what no route was looked for): `aviary_requests`; `aviary_failures`, of them, through our fault;
    and `aviary_answer_time` in milliseconds of those that did neither fail nor were refused, among
    them callers that left before an answer. `aviary_answers` counts by HTTP and gRPC status too;
    callers that left have 0.
    """
    return [
        _stats(
            counters=[
                _counter("requests", RPC, value_fixed=1),
                _counter("failures", RPC, value_format=NOTHING),
                _counter("answers", RPC | STATUS, value_fixed=1),
            ]
        ),
        _stats(_failed(), counters=[_counter("failures", RPC, value_fixed=1)]),
        _stats(
            _served(),
            histograms=[
                {**_stat("answer_time", RPC), "unit": "Milliseconds", "value_format": "%DURATION%"}
            ],
        ),
    ]


def _stats(only: dict[str, Any] | None = None, **stats: list[dict[str, Any]]) -> dict[str, Any]:
    message = f"{API}.extensions.access_loggers.stats.v3.Config"
    return {
        "name": "envoy.access_loggers.stats",
        **({} if only is None else {"filter": only}),
        "typed_config": typed(message, stats_scope={"prefix": PREFIX}, **stats),
    }


def _counter(name: str, labels: dict[str, str], **value: object) -> dict[str, Any]:
    return {**_stat(name, labels), **value}


def _stat(name: str, labels: dict[str, str]) -> dict[str, Any]:
    tags = [{"name": label, "value_format": value} for label, value in labels.items()]
    return {"stat": {"name": name, "tags": tags}}


def _failed() -> dict[str, Any]:
    return any_of(status("GE", LEAST_FAULT), all_of(BY_GRPC, grpc_status(FAULTS)))


def _served() -> dict[str, Any]:
    done = any_of(NOT_BY_GRPC, grpc_status(("OK",)), status("EQ", LEFT))
    return all_of(status("LE", LEAST_REFUSAL - 1), done)
