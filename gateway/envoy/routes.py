"""Which service answers which path, and with what method."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gateway.envoy.answer_figures import OAUTH
from gateway.envoy.answers import ANSWERS_FILTER
from gateway.envoy.auth import NO_SCOPE
from gateway.envoy.config import EdgeConfig, public_services
from gateway.envoy.contracts import PublicRpc
from gateway.envoy.cors import CORS_FILTER, cors_policy
from gateway.envoy.credentials import EXPIRY_HEADER, OF_THE_EDGE_ALONE
from gateway.envoy.extensions import ANSWERED_HERE
from gateway.envoy.grpc_headers import of_grpc
from gateway.envoy.media_routes import media_routes
from gateway.envoy.observing import operation
from gateway.envoy.pages import MAX_PAGE_BYTES, page_routes
from gateway.envoy.rest_routes import no_such_path, other_methods, rest_routes
from gateway.envoy.retries import AGAIN, READ_AGAIN
from gateway.envoy.upstreams import REQUEST_TIMEOUT, json_cluster_of
from gateway.envoy.web_client import web_client_routes
from services.identity.spec import HTTP_METHODS
from services.platform.rpc.end_user import SCOPE_KEY
from services.platform.tokens.issuers import IDENTITY_CLUSTER

__all__ = ["routes"]

# The transcoder notes it, and clients cannot.
FROM_REST = {"name": "x-envoy-original-method", "present_match": True}
# Of a stream that lasts, whose service sends a sign of life every 15 seconds.
SILENCE_TIMEOUT = "60s"
# Without a slash at the end: what normalizes paths would redirect to whatever host the client has
# named.
IDENTITY_MATCH = {"safe_regex": {"regex": "/oauth(/[a-z0-9-]+)+"}}


def routes(config: EdgeConfig) -> dict[str, Any]:
    """Build the route table.

    A request over REST is matched twice: as it came, against the paths of the API, and again under
    the name of the RPC that the transcoder has made of it. Only public RPCs have a route, so to
    clients outside there are no others; what gives the JSON of one has its name, as it is the same
    to whoever counts, and none but the transcoder comes to it.
    """
    public = config.contracts.public
    clusters = {contract: name for name, contract in public_services(config.contracts).items()}
    by_path: dict[str, list[PublicRpc]] = defaultdict(list)
    for rpc in public:
        by_path[rpc.template].append(rpc)
    over_http = {
        rpc.name: _over_http(rpc, json_cluster_of(name), config)
        for rpc in public
        if rpc.over_http and (name := clusters[rpc.service]) in config.json_backends
    }
    often, rest = list[dict[str, Any]](), list[dict[str, Any]]()
    for path, rpcs in by_path.items():
        in_json = any(rpc.name in over_http for rpc in rpcs)
        (often if in_json else rest).extend(rest_routes(path, rpcs, clusters, over_http))
    return {
        "name": "edge",
        "max_direct_response_body_size_bytes": MAX_PAGE_BYTES,
        "virtual_hosts": [
            {
                "name": "edge",
                "domains": ["*"],
                "retry_policy": AGAIN,
                "typed_per_filter_config": {CORS_FILTER: cors_policy(config.cors_origins)},
                "routes": [
                    # What is asked for most: Envoy tries one route after the other, each time that
                    # it looks for one, and a post at the end would cost it a fifth more.
                    *often,
                    *(
                        route
                        for rpc in public
                        for route in _grpc(rpc, clusters[rpc.service], config)
                    ),
                    *_identity(config),
                    *media_routes(config),
                    *page_routes(config),
                    *rest,
                    # Behind the API, which has paths of its own and more requests.
                    *web_client_routes(config),
                    no_such_path(),
                ],
            }
        ],
    }


def _identity(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the routes of the embedded issuer, which speaks HTTP and checks by itself who calls."""
    if config.identity_http is None:
        return []
    return [
        *(route for path in HTTP_METHODS for route in _identity_path(path)),
        # It says itself what it does not have.
        _to_identity(IDENTITY_MATCH),
    ]


def _identity_path(path: str) -> list[dict[str, Any]]:
    """Build the routes of one path: a method it does not take is 405, whatever comes with it."""
    methods = HTTP_METHODS[path]
    verbs = sorted({*methods, *(("HEAD",) if "GET" in methods else ())})
    taken = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(verbs)}}}
    return [
        _to_identity({"path": path, "headers": [taken]}),
        *other_methods({"path": path}, verbs, IDENTITY_CLUSTER),
    ]


def _to_identity(match: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": OAUTH,
        **operation(OAUTH),
        "match": match,
        # A code or a refresh token must not be used up twice: what was begun is not tried again.
        "route": {"cluster": IDENTITY_CLUSTER, "timeout": REQUEST_TIMEOUT},
        "typed_per_filter_config": ANSWERED_HERE,
    }


def _grpc(rpc: PublicRpc, cluster: str, config: EdgeConfig) -> list[dict[str, Any]]:
    route = _to_rpc(rpc, cluster, config)
    if config.otlp_collector is not None:
        # The last route that names an operation names the span: one over REST has its own by now.
        directly = route["match"] | {"headers": [{**FROM_REST, "invert_match": True}]}
        routes = [route | operation(rpc.name) | {"match": directly}, route]
    else:
        routes = [route]
    if rpc.json_path is None:
        return routes
    return [*routes, route | {"match": {"path": rpc.json_path, "headers": [FROM_REST]}}]


def _over_http(rpc: PublicRpc, cluster: str, config: EdgeConfig) -> dict[str, Any]:
    """Say what is done with a request that goes to a service as it came, by HTTP/1.1."""
    return {
        **_headers(config, rpc),
        "route": {"cluster": cluster, "timeout": REQUEST_TIMEOUT, **_again(rpc)},
    }


def _again(rpc: PublicRpc) -> dict[str, Any]:
    return {"retry_policy": READ_AGAIN} if rpc.verb == "GET" and not rpc.lasting else {}


def _headers(config: EdgeConfig, rpc: PublicRpc) -> dict[str, Any]:
    outside = {} if config.unauthenticated else {"request_headers_to_add": [_from_outside()]}
    # A token was for the edge; no service could be made to misuse it. One whose answer lasts is
    # told when it expires.
    expiry = () if rpc.lasting else (EXPIRY_HEADER,)
    removed = ["authorization", *OF_THE_EDGE_ALONE, *expiry]
    return {**outside, "request_headers_to_remove": removed}


def _to_rpc(rpc: PublicRpc, cluster: str, config: EdgeConfig) -> dict[str, Any]:
    return {
        "name": rpc.name,
        **_headers(config, rpc),
        "match": {"path": rpc.path},
        # Of what comes as gRPC: a call over REST was cleaned under its own path.
        "typed_per_filter_config": {ANSWERS_FILTER: of_grpc()},
        "route": {"cluster": cluster, **_times(rpc), **_again(rpc)},
    }


def _times(rpc: PublicRpc) -> dict[str, str]:
    if rpc.lasting:
        return {"timeout": "0s", "idle_timeout": SILENCE_TIMEOUT}
    return {"timeout": REQUEST_TIMEOUT}


def _from_outside() -> dict[str, Any]:
    # Services take a call without this header for a sibling's.
    header = {"key": SCOPE_KEY, "value": NO_SCOPE}
    return {"header": header, "append_action": "ADD_IF_ABSENT"}
