"""A sidecar for each service on this machine, and who reaches what through them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway import sidecar
from services.local.child import Child
from services.local.readiness import HOST
from services.platform.config.values import UNIX
from services.platform.specs import all_specs

__all__ = ["Sidecars"]


@dataclass(frozen=True, slots=True)
class Sidecars:
    """Where the sidecars and the services behind them listen, by service.

    What passes between the two is in plaintext and believed, so it goes by sockets of the owner's.
    """

    inbound: Mapping[str, str]
    outbound: Mapping[str, str]
    behind: Mapping[str, str]
    certificates: Path
    sockets: Path

    @classmethod
    def on(cls, ports: Mapping[str, int], certificates: Path, sockets: Path) -> Self:
        """Give each service's sidecar one of these ports, and sockets in this folder."""
        return cls(
            {name: f"{HOST}:{port}" for name, port in ports.items()},
            {name: f"{UNIX}{sockets / name}.out" for name in ports},
            {name: f"{UNIX}{sockets / name}.in" for name in ports},
            certificates,
            sockets,
        )

    def environment(self, service: str, data_dir: Path) -> Mapping[str, str]:
        """Return the variables by which a service reaches others through its sidecar alone."""
        own = all_specs()[service]
        siblings = [each for each in all_specs().values() if each is not own]
        # The edge dials a service's HTTP past its sidecar, which takes gRPC alone.
        direct = {own.http_tls_variable: str(self.certificates)}
        return {
            **({} if own.http_port is None else direct),
            **{each.address_variable: self.outbound[service] for each in siblings},
            "AVIARY_SIDECAR": "on",
            "AVIARY_SIDECAR_DENIALS_LOG": str(_denials_log(data_dir, service)),
            # The certificates are the sidecar's.
            "AVIARY_TLS_DIR": "",
        }

    def children(self, data_dir: Path, collector: str | None) -> Sequence[Child]:
        """Write each sidecar's configuration, and plan it."""
        logs, folder = data_dir / "logs", data_dir / "sidecars"
        folder.mkdir(exist_ok=True)
        children = []
        for service, address in self.behind.items():
            appends = (logs / f"{service}-sidecar.access.log", _denials_log(data_dir, service))
            config = sidecar.SidecarConfig(
                service=service,
                behind=address,
                inbound=self.inbound[service],
                outbound=self.outbound[service],
                siblings={name: [sidecar.Replica(at)] for name, at in self.inbound.items()},
                certificates=str(self.certificates),
                admin_socket=f"{self.sockets / service}.admin",
                otlp_collector=collector,
                access_log_path=str(appends[0]),
                denials_log_path=str(appends[1]),
            )
            path = folder / f"{service}.json"
            path.write_text(sidecar.to_json(config))
            name, port = f"{service}-sidecar", int(self.inbound[service].rpartition(":")[2])
            argv = [sys.executable, "-m", "gateway.draining_envoy", str(path)]
            log = logs / f"{name}.log"
            children.append(Child(name, port, argv, log, appends=appends, hurries=True))
        return children


def _denials_log(data_dir: Path, service: str) -> Path:
    """Say where a sidecar logs what it refused, for the service's audit log."""
    return data_dir / "logs" / f"{service}-sidecar.denials.log"
