"""What every answer says of itself, whoever made it: a service, the issuer, or the edge.

Answers of the edge's own pass these filters too, even where the request was so malformed that no
filter has seen it.
"""

from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.contracts import PublicRpc
from gateway.envoy.cors import allowed_origin, expose_headers
from gateway.envoy.extensions import HTTP_FILTERS, typed
from gateway.envoy.grpc_headers import drop_trailers
from gateway.envoy.matching import has_header, only_where

__all__ = ["ANSWERS_FILTER", "answer_filters", "rest_answer"]

ANSWERS_FILTER = "aviary.answers"
REQUEST_ID = "x-request-id"
# Most answers are for one viewer and one moment; what may be kept says so itself.
NOT_KEPT = "no-store"
# Kept by the client alone, which asks with the answer's ETag before each use.
KEPT_BY_ETAG = "private, no-cache"
# To clients over REST, what gRPC says in headers is noise; Envoy's own headers are for proxies.
OF_GRPC = "grpc-"
OF_ENVOY = "x-envoy-"
NEVER: dict[str, Any] = {
    "not_matcher": {"or_matcher": {"predicate": [has_header(":method"), has_header(":path")]}}
}


def answer_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filters; they belong first, where they see each answer last."""
    return [_unread(), _of_every_answer(config), *_for_web_pages(config)]


def rest_answer(rpc: PublicRpc) -> dict[str, Any]:
    """Build what the filter of every answer does more on the REST routes of `rpc`."""
    kept = [_set("cache-control", KEPT_BY_ETAG)] if rpc.has_etag else []
    return typed(
        f"{HTTP_FILTERS}.header_mutation.v3.HeaderMutationPerRoute",
        mutations={
            "response_mutations": [*kept, _removal(OF_GRPC)],
            # Which HTTP/2 has, too.
            "response_trailers_mutations": [_removal(OF_GRPC)],
        },
    )


def _of_every_answer(config: EdgeConfig) -> dict[str, Any]:
    mutations = [
        _set(REQUEST_ID, "%REQ(X-REQUEST-ID)%"),
        _set("x-content-type-options", "nosniff"),
        _set("cache-control", NOT_KEPT, "ADD_IF_ABSENT"),
        _removal(OF_ENVOY),
    ]
    if config.cors_origins:
        # Said to all: an answer without CORS headers must not be kept for an origin that has them.
        mutations.append(_set("vary", "origin", "APPEND_IF_EXISTS_OR_ADD"))
    # It sees each request, too, and costs those without trailers nothing.
    return _mutating(ANSWERS_FILTER, mutations, **drop_trailers())


def _unread() -> dict[str, Any]:
    """Name the requests that were refused before Envoy gave them an id.

    A filter with a condition that never holds is passed by where a request is looked at, and so
    sees only the answers to those that nobody looked at.
    """
    mutations = [_set(REQUEST_ID, "%UNIQUE_ID%")]
    return only_where(NEVER, _mutating("aviary.unread", mutations))


def _for_web_pages(config: EdgeConfig) -> list[dict[str, Any]]:
    """Let pages of the allowed origins read every answer.

    Envoy's own filter, which answers what browsers ask beforehand, looks only at routes that lead
    to a cluster, and at no answer of the edge's.
    """
    if not config.cors_origins:
        return []
    mutations = [
        _set("access-control-allow-origin", allowed_origin(config.cors_origins)),
        _set("access-control-expose-headers", expose_headers()),
    ]
    return [only_where(has_header("origin"), _mutating("aviary.cors", mutations))]


def _mutating(
    name: str, mutations: list[dict[str, Any]], **others: list[dict[str, Any]]
) -> dict[str, Any]:
    message = f"{HTTP_FILTERS}.header_mutation.v3.HeaderMutation"
    return {
        "name": name,
        "typed_config": typed(message, mutations={"response_mutations": mutations, **others}),
    }


def _set(name: str, value: str, action: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> dict[str, Any]:
    return {"append": {"header": {"key": name, "value": value}, "append_action": action}}


def _removal(prefix: str) -> dict[str, Any]:
    return {"remove_on_match": {"key_matcher": {"prefix": prefix}}}
