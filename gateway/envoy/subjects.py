"""Rate limit actions: how a request says whose budgets it uses, to local and shared limiters."""

from typing import Any

from gateway.envoy.matching import labelled
from gateway.limits.budgets import Age, Reputation, Subject
from gateway.limits.table import IPV6_PREFIX_BITS

__all__ = [
    "ADDRESS",
    "AGE",
    "GATE",
    "REPUTATION",
    "age_of",
    "gate",
    "reputation_label",
    "reputation_of",
    "the_subject",
]

AGE = "age"
REPUTATION = "conduct"
"""The key of a reputation's entry. Like the labels, it keeps its first name: edges and gateways of
two versions have to agree on it."""
GATE = "gate"
"""The key of an entry that only says that a gate was passed; its value is the header's name."""
ADDRESS = "masked_remote_address"
"""Envoy's own key of an address's entry; its value looks like `192.0.2.1/32`."""
_HEADERS = {Subject.USER: "x-user-id", Subject.APP: "x-client-id"}
_IPV4_BITS = 32


def the_subject(subject: Subject, *, optional: bool = False) -> dict[str, Any]:
    """Take the subject's id. Without one there is no descriptor, or no entry if `optional`."""
    if subject is Subject.IP:
        mask = {"v4_prefix_mask_len": _IPV4_BITS, "v6_prefix_mask_len": IPV6_PREFIX_BITS}
        return {"masked_remote_address": mask}
    header = {"header_name": _HEADERS[subject], "descriptor_key": subject.value}
    return {"request_headers": {**header, "skip_if_absent": optional}}


def reputation_label(subject: Subject) -> str:
    """Name the label of a subject's reputation: `conduct_user`, `conduct_ip`."""
    return f"{REPUTATION}_{subject}"


def reputation_of(subject: Subject) -> dict[str, Any]:
    """Take the subject's reputation: good, unless the gateway says otherwise."""
    return labelled(reputation_label(subject), REPUTATION, Reputation.GOOD)


def age_of() -> dict[str, Any]:
    """Take the account's age: settled, unless its id is found to be young."""
    return labelled(AGE, AGE, Age.SETTLED)


def gate(header: str, match: dict[str, Any], *, passes: bool) -> dict[str, Any]:
    """Make no descriptor unless the header matches, or does not."""
    return {
        "header_value_match": {
            "descriptor_key": GATE,
            "descriptor_value": header,
            "expect_match": passes,
            "headers": [{"name": header, "string_match": match}],
        }
    }
