"""What the edge of a running system knows of the services behind it."""

import json
from http import HTTPStatus
from pathlib import Path

import httpx

from services.local.plan import EDGE_ADMIN

__all__ = ["passed_checks", "reaches_all"]

FAILED = ("failed_active_health_check", "failed_outlier_check")


def reaches_all(data_dir: Path) -> bool:
    """Whether the edge sends calls to each process that it knows of.

    It looks every two seconds, so that a service answers for some time before it is asked again.
    """
    hosts = [
        host
        for cluster in json.loads(_asked(data_dir, "/clusters?format=json"))["cluster_statuses"]
        for host in cluster.get("host_statuses", ())
    ]
    assert hosts
    return not any(host.get("health_status", {}).get(mark) for host in hosts for mark in FAILED)


def passed_checks(data_dir: Path, service: str) -> dict[str, int]:
    """How many checks of its health a service has passed, by each cluster of its processes.

    None where the edge has no calls for it.
    """
    pattern = rf"^cluster\.{service}(-http)?\.health_check\.success$"
    lines = _asked(data_dir, f"/stats?filter={pattern}").decode().splitlines()
    return {name: int(count) for name, _, count in (line.partition(": ") for line in lines)}


def _asked(data_dir: Path, path: str) -> bytes:
    transport = httpx.HTTPTransport(uds=str(data_dir / "sockets" / EDGE_ADMIN))
    with httpx.Client(transport=transport, base_url="http://edge") as admin:
        answer = admin.get(path)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.content
