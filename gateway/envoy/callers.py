"""What the gateway tells the edge of callers, as labels: their conduct, and who is new."""

from collections.abc import Mapping
from typing import Any

from gateway.envoy.extensions import API, typed
from gateway.envoy.matching import by_header, label_from_feed, named, shadow
from gateway.envoy.subjects import AGE, conduct_label
from gateway.limits.budgets import Age, Conduct, Subject
from services.platform.security.identities import GATEWAY

__all__ = [
    "age_filter",
    "age_settings",
    "conduct_filter",
    "conduct_settings",
    "feed_names",
    "gateway_feed",
]

_MAX_ID = (1 << 63) - 1
_XDS = "type.googleapis.com/xds.type.matcher.v3"


def conduct_filter(subject: Subject) -> dict[str, Any]:
    """Label callers whose anomaly score is high."""
    return label_from_feed(conduct_label(subject), gateway_feed())


def age_filter() -> dict[str, Any]:
    """Label accounts that are new; the feed moves the first id that counts as new."""
    return label_from_feed(AGE, gateway_feed())


def feed_names() -> dict[str, Subject | None]:
    """Give the filters' names, with the subject of each that is about conduct."""
    return {
        conduct_filter(Subject.USER)["name"]: Subject.USER,
        conduct_filter(Subject.IP)["name"]: Subject.IP,
        age_filter()["name"]: None,
    }


def conduct_settings(subject: Subject, callers: Mapping[str, Conduct]) -> dict[str, Any]:
    """Build the settings of a conduct filter; callers who are not in it are good."""
    if not callers:
        return {}
    match = _by_address(callers) if subject is Subject.IP else _by_user(callers)
    return shadow(conduct_label(subject), {"shadow_matcher": match})


def age_settings(first_new_id: int) -> dict[str, Any]:
    """Build the settings of the age filter: ids from this one on are new."""
    ids = {"start": str(first_new_id), "end": str(_MAX_ID)}
    header = {"header": {"name": "x-user-id", "range_match": ids}}
    policy = {"permissions": [header], "principals": [{"any": True}]}
    return shadow(AGE, {"shadow_rules": {"action": "ALLOW", "policies": {Age.NEW.value: policy}}})


def _by_user(callers: Mapping[str, Conduct]) -> dict[str, Any]:
    found = {user: named(conduct) for user, conduct in callers.items()}
    return {"matcher_tree": {"input": by_header("x-user-id"), "exact_match_map": {"map": found}}}


def _by_address(callers: Mapping[str, Conduct]) -> dict[str, Any]:
    """Match addresses by prefix, in a trie."""
    ranges: dict[Conduct, list[dict[str, Any]]] = {}
    for network, conduct in callers.items():
        address, _, bits = network.partition("/")
        ranges.setdefault(conduct, []).append({"address_prefix": address, "prefix_len": int(bits)})
    matchers = [{"ranges": found, "on_match": named(conduct)} for conduct, found in ranges.items()]
    source = f"{API}.extensions.matching.common_inputs.network.v3"
    return {
        "matcher_tree": {
            "input": {
                "name": "envoy.matching.inputs.source_ip",
                "typed_config": typed(f"{source}.SourceIPInput"),
            },
            "custom_match": {
                "name": "envoy.matching.custom_matchers.ip",
                "typed_config": typed(f"{_XDS}.IPMatcher", range_matchers=matchers),
            },
        }
    }


def gateway_feed() -> dict[str, Any]:
    """Say where settings come from that the gateway knows."""
    service = {"envoy_grpc": {"cluster_name": GATEWAY}}
    return {
        "api_config_source": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [service],
            "set_node_on_first_message_only": True,
        },
        "resource_api_version": "V3",
    }
