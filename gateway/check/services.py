"""The running services against the descriptor."""

from collections.abc import Mapping
from pathlib import Path

from gateway.check.differences import differences, file_contents
from gateway.check.reflection import UnreadableError, reflect
from gateway.envoy.contracts import Contracts
from services.platform.config.values import each_address
from services.platform.specs import all_specs

__all__ = ["service_drift"]


def service_drift(
    addresses: Mapping[str, str], contracts: Contracts, certificates: Path | None = None
) -> list[str]:
    """Compare each service (its short name to `host:port`, or several) with the descriptor.

    `certificates` is the folder of the operator's; None is plaintext.
    A line for each difference, with the service first: one that does not answer, an RPC service
    too many or missing, and whatever differs in the files they are made of.
    """
    lines = []
    for name, each in sorted(addresses.items()):
        for address in each_address(each):
            found = _drift_of(name, address, contracts, certificates)
            lines += [f"{name}: {line}" for line in found]
    return lines


def _drift_of(
    name: str, address: str, contracts: Contracts, certificates: Path | None
) -> list[str]:
    try:
        found = reflect(name, address, certificates)
    except UnreadableError as error:
        return [str(error)]
    wanted = set(all_specs()[name].contracts)
    lines = [f"does not serve {one}" for one in sorted(wanted - found.services)]
    lines += [f"serves {one}, which is not its own" for one in sorted(found.services - wanted)]
    known = {file.name: file for file in contracts.files.file}
    for path, file in sorted(found.files.items()):
        if path not in known:
            lines.append(f"{path} is not in the descriptor")
            continue
        there, here = file_contents(file), file_contents(known[path])
        lines += [f"{path}: {one}" for one in differences(there, here, wanted_by="the descriptor")]
    return lines
