"""A sidecar for each service on this machine, and who reaches what through them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway import sidecar
from services.local.child import Child
from services.local.scale import Replica
from services.local.signs import EnvoyAnswers
from services.platform.config.values import UNIX
from services.platform.specs import all_specs

__all__ = ["Sidecars"]


@dataclass(frozen=True, slots=True)
class Sidecars:
    """Where the sidecars and the services behind them listen, by process.

    What passes between the two is in plaintext and believed, so it goes by sockets of the owner's.
    """

    inbound: Mapping[Replica, str]
    outbound: Mapping[Replica, str]
    behind: Mapping[Replica, str]
    certificates: Path
    sockets: Path

    @classmethod
    def on(cls, inbound: Mapping[Replica, str], certificates: Path, sockets: Path) -> Self:
        """Give each process's sidecar one of these addresses, and sockets in this folder."""
        return cls(
            inbound,
            {each: f"{UNIX}{sockets / each.name}.out" for each in inbound},
            {each: f"{UNIX}{sockets / each.name}.in" for each in inbound},
            certificates,
            sockets,
        )

    def environment(self, replica: Replica, data_dir: Path) -> Mapping[str, str]:
        """Return the variables by which a process reaches others through its sidecar alone."""
        own = all_specs()[replica.service]
        siblings = [each for each in all_specs().values() if each is not own]
        # The edge dials a service's HTTP past its sidecar, which takes gRPC alone.
        direct = {own.http_tls_variable: str(self.certificates)}
        return {
            **({} if own.http_port is None else direct),
            **{each.address_variable: self.outbound[replica] for each in siblings},
            "AVIARY_SIDECAR": "on",
            "AVIARY_SIDECAR_DENIALS_LOG": str(_denials_log(data_dir, replica.name)),
            # The certificates are the sidecar's.
            "AVIARY_TLS_DIR": "",
        }

    def children(self, data_dir: Path, collector: str | None) -> Sequence[Child]:
        """Write each sidecar's configuration, and plan it."""
        logs, folder = data_dir / "logs", data_dir / "sidecars"
        folder.mkdir(exist_ok=True)
        siblings: dict[str, list[sidecar.Replica]] = {}
        for replica, at in self.inbound.items():
            siblings.setdefault(replica.service, []).append(sidecar.Replica(at))
        children = []
        for replica, address in self.behind.items():
            admin = self.sockets / f"{replica.name}.admin"
            name = f"{replica.name}-sidecar"
            appends = (logs / f"{name}.access.log", _denials_log(data_dir, replica.name))
            config = sidecar.SidecarConfig(
                service=replica.service,
                behind=address,
                inbound=self.inbound[replica],
                outbound=self.outbound[replica],
                siblings=siblings,
                certificates=str(self.certificates),
                admin_socket=str(admin),
                otlp_collector=collector,
                access_log_path=str(appends[0]),
                denials_log_path=str(appends[1]),
            )
            path = folder / f"{replica.name}.json"
            path.write_text(sidecar.to_json(config))
            port = int(self.inbound[replica].rpartition(":")[2])
            argv = [sys.executable, "-m", "gateway.draining_envoy", str(path)]
            log = logs / f"{name}.log"
            sign = EnvoyAnswers(admin)
            children.append(Child(name, port, argv, log, appends=appends, hurries=True, sign=sign))
        return children


def _denials_log(data_dir: Path, process: str) -> Path:
    """Say where a sidecar logs what it refused, for its process's audit log."""
    return data_dir / "logs" / f"{process}-sidecar.denials.log"
