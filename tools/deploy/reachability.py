"""Who can reach whom under a set of network policies, worked out as a cluster would.

For what the policies here use: pods chosen by labels in one namespace, numeric TCP ports.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tools.deploy.layout import Document

__all__ = ["reaches", "unreached_by_table"]

Labels = Mapping[str, str]


def reaches(policies: Sequence[Document], source: Labels, target: Labels, port: int) -> bool:
    """Whether a pod with the labels `source` can open a TCP connection to one with `target`."""
    return _allowed(policies, source, target, port, "Egress") and _allowed(
        policies, target, source, port, "Ingress"
    )


def unreached_by_table(
    policies: Sequence[Document],
    pods: Mapping[str, Labels],
    ports: Mapping[str, int],
    allowed: Mapping[str, Iterable[str]],
) -> Iterator[str]:
    """Give a line for each pair that the policies and the table (callee to callers) disagree on."""
    for callee, port in ports.items():
        callers = set(allowed[callee])
        for caller in pods:
            can = reaches(policies, pods[caller], pods[callee], port)
            if can and caller not in callers:
                yield f"{caller} can reach {callee}:{port}, and the call table has no call of it"
            if not can and caller in callers:
                yield f"{caller} cannot reach {callee}:{port}, which it calls"


def _allowed(
    policies: Sequence[Document], pod: Labels, peer: Labels, port: int, direction: str
) -> bool:
    """Whether one side lets it through: by any policy, or because none concerns the pod."""
    concerning = [
        each["spec"]
        for each in policies
        if direction in each["spec"]["policyTypes"] and _selects(each["spec"]["podSelector"], pod)
    ]
    if not concerning:
        return True
    side = "to" if direction == "Egress" else "from"
    return any(
        _rule_fits(rule, side, peer, port)
        for spec in concerning
        for rule in spec.get(direction.lower(), [])
    )


def _rule_fits(rule: Document, side: str, peer: Labels, port: int) -> bool:
    peers, ports = rule.get(side), rule.get("ports")
    fits_peer = peers is None or any(
        # Of another namespace, or no pod at all.
        not {"namespaceSelector", "ipBlock"} & each.keys() and _selects(each["podSelector"], peer)
        for each in peers
    )
    fits_port = ports is None or any(
        each.get("protocol", "TCP") == "TCP"
        and each["port"] <= port <= each.get("endPort", each["port"])
        for each in ports
    )
    return fits_peer and fits_port


def _selects(selector: Document, labels: Labels) -> bool:
    if set(selector) - {"matchLabels"}:
        raise ValueError(f"cannot judge the selector {selector}")
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
