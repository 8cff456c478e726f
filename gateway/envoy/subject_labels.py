"""What the edge labels requests with, as the gateway sends it: reputations, and who is new."""

from collections.abc import Mapping
from typing import Any

from gateway.envoy.extensions import API, typed
from gateway.envoy.matching import by_header, discovered_label, named, shadow
from gateway.envoy.subjects import AGE, reputation_label
from gateway.limits.budgets import Age, Reputation, Subject
from services.platform.ids.model import MAX_ID
from services.platform.security.identities import GATEWAY

__all__ = [
    "age_filter",
    "age_settings",
    "discovered_names",
    "gateway_source",
    "reputation_filter",
    "reputation_settings",
]

# A gateway that is back has to say what was revoked meanwhile. By default Envoy would let up to
# 30 s pass before it asks again; an attempt that finds no healthy gateway costs microseconds.
FIRST_PAUSE = "0.2s"
LONGEST_PAUSE = "2s"

_XDS = "type.googleapis.com/xds.type.matcher.v3"


def reputation_filter(subject: Subject) -> dict[str, Any]:
    """Label subjects whose anomaly score is high."""
    return discovered_label(reputation_label(subject), gateway_source())


def age_filter() -> dict[str, Any]:
    """Label accounts that are new; the gateway moves the first id that counts as new."""
    return discovered_label(AGE, gateway_source())


def discovered_names() -> dict[str, Subject | None]:
    """Give the filters' names, with the subject of each that is about reputation."""
    return {
        reputation_filter(Subject.USER)["name"]: Subject.USER,
        reputation_filter(Subject.IP)["name"]: Subject.IP,
        age_filter()["name"]: None,
    }


def reputation_settings(subject: Subject, subjects: Mapping[str, Reputation]) -> dict[str, Any]:
    """Build the settings of a reputation filter; subjects who are not in it are good."""
    if not subjects:
        return {}
    match = _by_address(subjects) if subject is Subject.IP else _by_user(subjects)
    return shadow(reputation_label(subject), {"shadow_matcher": match})


def age_settings(first_new_id: int) -> dict[str, Any]:
    """Build the settings of the age filter: ids from this one on are new."""
    ids = {"start": str(first_new_id), "end": str(MAX_ID)}
    header = {"header": {"name": "x-user-id", "range_match": ids}}
    policy = {"permissions": [header], "principals": [{"any": True}]}
    return shadow(AGE, {"shadow_rules": {"action": "ALLOW", "policies": {Age.NEW.value: policy}}})


def _by_user(subjects: Mapping[str, Reputation]) -> dict[str, Any]:
    found = {user: named(reputation) for user, reputation in subjects.items()}
    return {"matcher_tree": {"input": by_header("x-user-id"), "exact_match_map": {"map": found}}}


def _by_address(subjects: Mapping[str, Reputation]) -> dict[str, Any]:
    """Match addresses by prefix, in a trie."""
    ranges: dict[Reputation, list[dict[str, Any]]] = {}
    for network, reputation in subjects.items():
        address, _, bits = network.partition("/")
        ranges.setdefault(reputation, []).append(
            {"address_prefix": address, "prefix_len": int(bits)}
        )
    matchers = [
        {"ranges": found, "on_match": named(reputation)} for reputation, found in ranges.items()
    ]
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


def gateway_source() -> dict[str, Any]:
    """Build the source of settings that the gateway sends."""
    pauses = {"base_interval": FIRST_PAUSE, "max_interval": LONGEST_PAUSE}
    service = {"envoy_grpc": {"cluster_name": GATEWAY, "retry_policy": {"retry_back_off": pauses}}}
    return {
        "api_config_source": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [service],
            "set_node_on_first_message_only": True,
        },
        "resource_api_version": "V3",
    }
