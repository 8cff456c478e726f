"""Network policies: a pod may dial what the call table lets it call, and nothing else.

Policies add up, so an overlay opens the way to its engines with policies of its own, for the pods
labelled `aviary.local/uses-rows`, `-bus` or `-cache`. Kubelets' probes come from the node of the
pod, which no policy shuts out.
"""

from typing import Final

from services.platform.security.identities import EDGE, OPERATOR
from tools.deploy.facts import Service, all_services, callees_of
from tools.deploy.layout import (
    COLLECTOR,
    EDGE_PORT,
    INBOUND_PORT,
    METRICS_PORT,
    STATS_PORT,
    Document,
)
from tools.deploy.workloads import selector

__all__ = ["PROMETHEUS", "policies"]

PART = {"app.kubernetes.io/part-of": "aviary"}
PROMETHEUS: Final = {"app.kubernetes.io/name": "prometheus"}
"""Labels of pods in the same namespace that may fetch metrics."""
SCRAPES: Final = {"aviary.local/scrapes": "true"}
"""Label of other namespaces whose pods may."""
_DNS = {"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}
_NAMESPACE_OF_DNS = {"kubernetes.io/metadata.name": "kube-system"}


def policies() -> list[Document]:
    """Build all network policies: deny everything, then allow what each pod needs."""
    return [
        _policy("default-deny", PART, ingress=[], egress=[]),
        _policy("dns", PART, egress=[_to_dns()]),
        _policy("traces", PART, egress=[_to_collector()]),
        *(_policy(each.name, selector(each.name), *_ways(each)) for each in all_services()),
        _policy(
            EDGE,
            selector(EDGE),
            # The load balancer, whose addresses are its own matter.
            [{"ports": [_tcp(EDGE_PORT)]}, _scraped(STATS_PORT)],
            _egress(EDGE),
        ),
        # Whoever runs an operator's command in the cluster gives their pod this name.
        _policy(OPERATOR, selector(OPERATOR), [], _egress(OPERATOR)),
    ]


def _ways(service: Service) -> tuple[list[Document], list[Document]]:
    callers = [_pods(each) for each in sorted(service.callers)]
    # Of its sidecar; the service itself listens on the loopback.
    ingress: list[Document] = [{"from": callers, "ports": [_tcp(INBOUND_PORT)]}]
    if service.http_port is not None:
        ingress.append({"from": [_pods(EDGE)], "ports": [_tcp(service.http_port)]})
    return [*ingress, _scraped(METRICS_PORT)], _egress(service.name)


def _egress(caller: str) -> list[Document]:
    ways = [
        {"to": [_pods(each.name)], "ports": [_tcp(INBOUND_PORT)]} for each in callees_of(caller)
    ]
    http = [each for each in all_services() if caller == EDGE and each.http_port is not None]
    return ways + [
        {"to": [_pods(each.name)], "ports": [_tcp(each.http_port)]}
        for each in http
        if each.http_port is not None
    ]


def _scraped(port: int) -> Document:
    return {
        "from": [
            {"podSelector": {"matchLabels": PROMETHEUS}},
            {"namespaceSelector": {"matchLabels": SCRAPES}},
        ],
        "ports": [_tcp(port)],
    }


def _to_dns() -> Document:
    to = {
        "namespaceSelector": {"matchLabels": _NAMESPACE_OF_DNS},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return {"to": [to], "ports": list(_DNS)}


def _to_collector() -> Document:
    name, _, port = COLLECTOR.rpartition(":")
    return {
        "to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}],
        "ports": [_tcp(int(port))],
    }


def _pods(name: str) -> Document:
    return {"podSelector": {"matchLabels": selector(name)}}


def _tcp(port: int) -> Document:
    return {"protocol": "TCP", "port": port}


def _policy(
    name: str,
    pods: dict[str, str],
    ingress: list[Document] | None = None,
    egress: list[Document] | None = None,
) -> Document:
    """Build one policy; None leaves a direction out of it, an empty list closes it."""
    rules = {"Ingress": ingress, "Egress": egress}
    given = {kind: each for kind, each in rules.items() if each is not None}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": PART},
        "spec": {
            "podSelector": {"matchLabels": pods},
            "policyTypes": list(given),
            **{kind.lower(): each for kind, each in given.items() if each},
        },
    }
