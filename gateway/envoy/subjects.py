"""Rate limit actions: how a request says whose budgets it uses, to local and shared limiters."""

from typing import Any

from gateway.envoy.matching import labelled
from gateway.limits.budgets import Age, Conduct, Subject
from gateway.limits.table import IPV6_PREFIX_BITS

__all__ = [
    "ADDRESS",
    "AGE",
    "GATE",
    "age_of",
    "conduct_label",
    "conduct_of",
    "gate",
    "the_subject",
]

AGE = "age"
GATE = "gate"
"""The key of an entry that only says that a gate was passed; its value is the header's name."""
ADDRESS = "masked_remote_address"
"""Envoy's own key of an address's entry; its value looks like `192.0.2.1/32`."""
_HEADERS = {Subject.USER: "x-user-id", Subject.APP: "x-client-id"}
_IPV4_BITS = 32


def the_subject(subject: Subject, *, optional: bool = False) -> dict[str, Any]:
    """Take the caller's id. Without one there is no descriptor, or no entry if `optional`."""
    if subject is Subject.IP:
        mask = {"v4_prefix_mask_len": _IPV4_BITS, "v6_prefix_mask_len": IPV6_PREFIX_BITS}
        return {"masked_remote_address": mask}
    header = {"header_name": _HEADERS[subject], "descriptor_key": subject.value}
    return {"request_headers": {**header, "skip_if_absent": optional}}


def conduct_label(subject: Subject) -> str:
    """Give the label's name."""
    return f"conduct_{subject}"


def conduct_of(subject: Subject) -> dict[str, Any]:
    """Take the subject's conduct: good, unless the gateway says otherwise."""
    return labelled(conduct_label(subject), "conduct", Conduct.GOOD)


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
