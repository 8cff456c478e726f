"""Where replicas run, as whoever deploys them writes it.

For each service a list such as
`[{address: "tweet.zone-a.internal:8443", region: "europe", zone: "a"}, ...]`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from gateway.sidecar.config import Locality, Replica
from services.platform.config.settings import DEFAULT_ADDRESSES, MAX_PORT
from services.platform.files.single_keys import RepeatedNameError
from services.platform.files.single_yaml_keys import yaml_load

__all__ = ["ReplicasError", "read_replicas"]

_FIELDS = {"address", "region", "zone"}


class ReplicasError(ValueError):
    """The file holds no replicas; the text says where."""


def read_replicas(path: Path) -> Mapping[str, Sequence[Replica]]:
    """Read replicas by service; raises `ReplicasError`, and OSError where there is no file."""
    try:
        found = yaml_load(path.read_text())
    except (yaml.YAMLError, RepeatedNameError, UnicodeDecodeError) as error:
        raise ReplicasError(f"{path} is no YAML that can be used: {error}") from error
    if not isinstance(found, dict):
        raise ReplicasError(f"{path} holds no services with their replicas")
    for service, replicas in found.items():
        if service not in DEFAULT_ADDRESSES:
            raise ReplicasError(f"{path}: {service!r} is no service")
        if not isinstance(replicas, list) or not replicas:
            raise ReplicasError(f"{path}: {service} needs a list of replicas")
    return {
        service: [_replica(f"{path}: {service}", one) for one in replicas]
        for service, replicas in found.items()
    }


def _replica(where: str, one: object) -> Replica:
    if not isinstance(one, dict) or not one.keys() <= _FIELDS or "address" not in one:
        raise ReplicasError(f"{where}: a replica has an address, and may have a region and a zone")
    texts = {key: value for key, value in one.items() if isinstance(value, str)}
    if texts.keys() != one.keys():
        raise ReplicasError(f"{where}: address, region and zone are texts, got {one}")
    host, _, port = texts["address"].rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and 0 < int(port) <= MAX_PORT):
        raise ReplicasError(f"{where}: {texts['address']!r} is no host:port")
    return Replica(texts["address"], Locality(texts.get("region", ""), texts.get("zone", "")))
