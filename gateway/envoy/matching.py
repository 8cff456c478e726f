"""Envoy's matching trees, and how a match reaches the filters that follow.

A matcher in a shadow RBAC filter denies nothing: the name of what matched goes into the request's
dynamic metadata. That is the one native way to look a header up in a map of any size at the cost of
a hash, once, and to use what was found in a rate limit's descriptor.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gateway.envoy.extensions import API, HTTP_FILTERS, http_filter, typed
from gateway.limits.budgets import EndpointClass

__all__ = [
    "RBAC_TYPE",
    "by_header",
    "class_by_path",
    "discovered_filter",
    "discovered_label",
    "has_header",
    "header_is",
    "label",
    "labelled",
    "named",
    "notes_one_of",
    "only_where",
    "satisfies",
    "shadow",
]

RBAC_TYPE = f"{HTTP_FILTERS}.rbac.v3.RBAC"
REST = "/v1/"
_SKIP = f"{API}.extensions.filters.common.matcher.action.v3.SkipFilter"
_METADATA = "envoy.filters.http.rbac"
_FOUND = "shadow_effective_policy_id"
_NOT_EMPTY = {"safe_regex": {"google_re2": {}, "regex": ".+"}}


def label(prefix: str, matcher: Mapping[str, Any]) -> dict[str, Any]:
    """Build the filter that notes, under `prefix`, the name of what `matcher` finds."""
    return http_filter("rbac", "RBAC", **shadow(prefix, {"shadow_matcher": matcher}))


def shadow(prefix: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a shadow filter's settings, so that it notes what it finds under `prefix`."""
    return {**rules, "shadow_rules_stat_prefix": f"{prefix}_"}


def discovered_label(prefix: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Build the same filter, with a matcher that comes from the gateway and changes as it runs.

    Until the gateway has spoken, and while it is away, the last matcher stays, or none.
    """
    return discovered_filter(f"aviary.{prefix}", source, {})


def discovered_filter(
    name: str, source: Mapping[str, Any], default: Mapping[str, Any], message: str = RBAC_TYPE
) -> dict[str, Any]:
    """Build a filter with settings from the gateway, and these until it has spoken."""
    return {
        "name": name,
        "config_discovery": {
            "config_source": source,
            "default_config": typed(message, **default),
            # A gateway that is late must not hold up the edge's start.
            "apply_default_config_without_warming": True,
            "type_urls": [message.removeprefix("type.googleapis.com/")],
        },
    }


def labelled(prefix: str, key: str, default: str | None = None) -> dict[str, Any]:
    """Build the rate limit action that takes a label; without label or default there is none."""
    action: dict[str, Any] = {
        "metadata_key": {"key": _METADATA, "path": [{"key": f"{prefix}_{_FOUND}"}]},
        "descriptor_key": key,
        "source": "DYNAMIC",
    }
    if default is not None:
        action["default_value"] = default
    return {"metadata": action}


def named(name: str) -> dict[str, Any]:
    """Build the outcome of a match: a name."""
    action = typed(f"{API}.config.rbac.v3.Action", name=name, action="ALLOW")
    return {"action": {"name": "envoy.filters.rbac.action", "typed_config": action}}


def by_header(name: str) -> dict[str, Any]:
    """Build the input of a match: one request header."""
    message = f"{API}.type.matcher.v3.HttpRequestHeaderMatchInput"
    return {
        "name": "envoy.matching.inputs.request_headers",
        "typed_config": typed(message, header_name=name),
    }


def has_header(name: str) -> dict[str, Any]:
    """Build the predicate of requests with a header that is not empty."""
    return header_is(name, _NOT_EMPTY)


def header_is(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Build the predicate of requests with a header that `value`, a StringMatcher, matches."""
    return {"single_predicate": {"input": by_header(name), "value_match": value}}


def notes_one_of(values: Sequence[str], filter_name: str, *path: str) -> dict[str, Any]:
    """Build the predicate of requests of which a filter noted one of these texts under `path`."""
    matching = f"{API}.extensions.matching"
    exact = [{"string_match": {"exact": value}} for value in values]
    wanted = exact[0] if len(exact) == 1 else {"or_match": {"value_matchers": exact}}
    return {
        "single_predicate": {
            "input": {
                "name": "envoy.matching.inputs.dynamic_metadata",
                "typed_config": typed(
                    f"{matching}.common_inputs.network.v3.DynamicMetadataInput",
                    filter=filter_name,
                    path=[{"key": key} for key in path],
                ),
            },
            "custom_match": {
                "name": "envoy.matching.matchers.metadata_matcher",
                "typed_config": typed(
                    f"{matching}.input_matchers.metadata.v3.Metadata", value=wanted
                ),
            },
        }
    }


def only_where(predicate: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Build the filter that is `inner` for requests of which the predicate holds.

    The answer to a request that is refused before any filter sees it passes `inner` all the same.
    """
    skip = {"name": "skip", "typed_config": typed(_SKIP)}
    others = {"predicate": {"not_matcher": predicate}, "on_match": {"action": skip}}
    return {
        "name": inner["name"],
        "typed_config": typed(
            f"{API}.extensions.common.matching.v3.ExtensionWithMatcher",
            extension_config=inner,
            xds_matcher={"matcher_list": {"matchers": [others]}},
        ),
    }


def satisfies(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Build the predicate of requests for which a CEL expression holds; an error is a no."""
    xds = "type.googleapis.com/xds.type.matcher.v3"
    parsed = {"parsed_expr": {"expr": condition}}
    return {
        "single_predicate": {
            "input": {
                "name": "envoy.matching.inputs.cel_data_input",
                "typed_config": typed(f"{xds}.HttpAttributesCelMatchInput"),
            },
            "custom_match": {
                "name": "envoy.matching.matchers.cel_matcher",
                "typed_config": typed(f"{xds}.CelMatcher", expr_match=parsed),
            },
        }
    }


def class_by_path(
    classes: Collection[EndpointClass], rpc_paths: Mapping[str, Collection[str]]
) -> dict[str, Any]:
    """Build the matcher that names the class of an RPC's paths, or of a plain path's beginning.

    `rpc_paths` has the paths of the RPCs by their names.
    """
    rpcs = {path: named(one.name) for one in classes for rpc in one.rpcs for path in rpc_paths[rpc]}
    paths = {path: named(one.name) for one in classes for path in one.paths}
    # Of REST, for requests that keep their path and so their query.
    paths |= {f"{path}?": name for path, name in rpcs.items() if path.startswith(REST)}
    exact = {"input": by_header(":path"), "exact_match_map": {"map": rpcs}}
    if not paths:
        return {"matcher_tree": exact}
    begun = {"input": by_header(":path"), "prefix_match_map": {"map": paths}}
    if not rpcs:
        return {"matcher_tree": begun}
    return {"matcher_tree": exact, "on_no_match": {"matcher": {"matcher_tree": begun}}}
