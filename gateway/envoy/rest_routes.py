"""The paths of the API as clients write them: what is let through to the transcoder.

The transcoder is lenient: a query parameter may set a field that the path or the body sets too, a
trailing slash is passed over. So it is given only what the contract says, and nothing like it: two
readings of one request are how access rules are got around.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.envoy.answer_figures import ELSEWHERE
from gateway.envoy.answers import ANSWERS_FILTER, rest_answer
from gateway.envoy.bodies import json_body
from gateway.envoy.contracts import PublicRpc
from gateway.envoy.created import answers_created
from gateway.envoy.extensions import (
    ANSWERED_HERE,
    DISABLED,
    FIREWALL,
    HTTP_FILTERS,
    TRANSCODER,
    typed,
)
from gateway.envoy.head import HEAD, READING
from gateway.envoy.log_filters import NO_GRPC_TYPE
from gateway.envoy.not_modified import answers_not_modified
from gateway.envoy.observing import operation

__all__ = ["no_such_path", "other_methods", "rest_routes"]

_VARIABLE = re.compile(r"\\\{\w+\\\}")
_NOT_EMPTY = {"safe_regex": {"regex": ".+"}}
REPEATED_SIZE = 90
"""Characters of alternatives in one expression: Envoy refuses programs of more than 100 steps."""
BAD_QUERY = "a query parameter is unknown, repeated, or belongs elsewhere; there may be: "

# To gRPC, which the request is about to become, these headers would mean something, and in others
# it refuses characters that HTTP allows in names; each would end as an internal error.
MEANT_FOR_GRPC = ({"prefix": "grpc-"}, {"suffix": "-bin"})
NO_METADATA_KEY = {"safe_regex": {"regex": "[^:0-9a-z_.-].*|[^:].*[^0-9a-z_.-].*"}}
HEADERS_FILTER = "envoy.filters.http.header_mutation"

Match = dict[str, Any]
Route = dict[str, Any]


def rest_routes(
    path: str,
    rpcs: list[PublicRpc],
    clusters: Mapping[str, str],
    over_http: Mapping[str, Route],
) -> list[Route]:
    """Build the routes of a path: for each of its methods, then for all others.

    `clusters` has the cluster of each service, by the service's full name; `over_http` has what is
    done with a request, by the full name of the RPC, where the service takes it as it is.
    """
    match = _path_match(path)
    routes = [
        route
        for rpc in rpcs
        for route in _of_method(match, rpc, clusters[rpc.service], over_http.get(rpc.name))
    ]
    verbs = sorted(verb for rpc in rpcs for verb in _taken(rpc))
    others = other_methods(match, verbs, clusters[rpcs[0].service])
    if any(rpc.lasting for rpc in rpcs):
        # Which would make a GET of what is refused here.
        for route in others:
            route["typed_per_filter_config"] = {**route["typed_per_filter_config"], HEAD: DISABLED}
    return [*routes, *others]


def no_such_path() -> Route:
    """Build the last route, for all that no other has taken."""
    return _answer({"prefix": "/"}, 404)


def _of_method(match: Match, rpc: PublicRpc, cluster: str, http: Route | None) -> list[Route]:
    method = _header(":method", _verbs(rpc))
    taken = {
        **_named(rpc),
        # Who asks in gRPC for a path of REST gets an answer in gRPC, so its headers must not go.
        "match": match | {"headers": [method, NO_GRPC_TYPE, *_query_matches(rpc.query)]},
        # Until the transcoder has named the RPC. What it leaves as it is claims to be gRPC, and the
        # service will say that it has no RPC of this name.
        "route": {"cluster": cluster},
        "typed_per_filter_config": {
            HEADERS_FILTER: _without_grpc_headers(),
            ANSWERS_FILTER: rest_answer(rpc),
            **answers_created(rpc),
            **json_body(rpc),
        },
    }
    if http is not None:
        # Nothing of gRPC becomes of it, so no headers have to go, and the service reads its body
        # as strictly as the filters here do.
        taken |= http
        taken["typed_per_filter_config"] = {
            ANSWERS_FILTER: rest_answer(rpc),
            TRANSCODER: DISABLED,
        }
    refused = _answer(match | {"headers": [method]}, 400) | _named(rpc)
    refused["direct_response"]["body"] = {
        "inline_string": BAD_QUERY + (", ".join(rpc.query) or "none")
    }
    return [*answers_not_modified(rpc, taken), taken, refused]


def _taken(rpc: PublicRpc) -> list[str]:
    return READING.split("|") if _has_head(rpc) else [rpc.verb]


def _verbs(rpc: PublicRpc) -> Match:
    return {"safe_regex": {"regex": READING}} if _has_head(rpc) else {"exact": rpc.verb}


def _has_head(rpc: PublicRpc) -> bool:
    # Of a stream that lasts, what HEAD takes away never ends.
    return rpc.verb == "GET" and not rpc.lasting


def _named(rpc: PublicRpc) -> dict[str, Any]:
    return {"name": rpc.name, **operation(f"{rpc.verb} {rpc.template}")}


def _without_grpc_headers() -> dict[str, Any]:
    matchers = (*MEANT_FOR_GRPC, NO_METADATA_KEY)
    removals = [{"remove_on_match": {"key_matcher": matcher}} for matcher in matchers]
    return typed(
        f"{HTTP_FILTERS}.header_mutation.v3.HeaderMutationPerRoute",
        mutations={"request_mutations": removals},
    )


def _query_matches(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Match a query of these parameters, each once at most, and of no others.

    Empty ones, as `&` at the end leaves behind, are none (WHATWG URL, 5.1).
    """
    if not names:
        return [_header(":path", {"safe_regex": {"regex": r"[^?]*(?:\?&*)?"}})]
    # What follows a value without `&` is of the value: so each name is there once.
    known = rf"[^?]*(?:\?(?:&*(?:{'|'.join(names)})=[^&]*)*&*)?"
    repeated = [_header(":path", {"safe_regex": {"regex": each}}) for each in _repeated(names)]
    return [
        _header(":path", {"safe_regex": {"regex": known}}),
        *(each | {"invert_match": True} for each in repeated),
    ]


def _repeated(names: tuple[str, ...]) -> list[str]:
    """Match a query with one of these twice: in as few expressions as Envoy has room for."""
    parts: list[list[str]] = []
    room = 0
    for name in names:
        twice = f"{name}=.*&{name}"
        if room < len(twice):
            parts.append([])
            room = REPEATED_SIZE
        parts[-1].append(twice)
        room -= len(twice)
    return [f".*[?&](?:{'|'.join(part)})=.*" for part in parts]


def _preflight(match: Match, cluster: str) -> Route:
    """Build the route of what browsers ask before a request.

    The CORS filter answers all of it, but looks only where a route leads to a cluster. What lacks
    either header it would let through: past tokens, into the budgets of the path, to a service.
    """
    options = _header(":method", {"exact": "OPTIONS"})
    asks = [_header(name, _NOT_EMPTY) for name in ("origin", "access-control-request-method")]
    return {
        "name": ELSEWHERE,
        "match": match | {"headers": [options, *asks]},
        "route": {"cluster": cluster},
        "typed_per_filter_config": ANSWERED_HERE,
    }


def other_methods(match: Match, verbs: Sequence[str], cluster: str) -> list[Route]:
    """Build the routes of a path for methods other than `verbs`, behind those that lead to it."""
    allow = {"header": {"key": "allow", "value": ", ".join([*verbs, "OPTIONS"])}}
    asked = match | {"headers": [_header(":method", {"exact": "OPTIONS"})]}
    # The path takes no such method, whatever comes with it: there is nothing to guard.
    answered = {**ANSWERED_HERE, FIREWALL: DISABLED}
    added = {"response_headers_to_add": [allow], "typed_per_filter_config": answered}
    return [_preflight(match, cluster), _answer(asked, 204) | added, _answer(match, 405) | added]


def _answer(match: Match, status: int) -> Route:
    return {
        "name": ELSEWHERE,
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": ANSWERED_HERE,
    }


def _path_match(path: str) -> Match:
    if "{" not in path:
        return {"path": path}
    return {"safe_regex": {"regex": _VARIABLE.sub("[^/]+", re.escape(path))}}


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "string_match": match}
