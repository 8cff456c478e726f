"""What an Envoy shows and trusts, as files that it follows (SDS by files, so no server for it).

The files name others and hold no secret themselves, so they stay the same when certificates are
renewed: Envoy watches the folders of the files that they name, and reads those again when one is
replaced. (After a key and before its certificate it logs that they do not match, and waits.)
"""

from pathlib import Path
from typing import Any, Final

import yaml

from gateway.envoy.extensions import API, typed
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.files.whole_file import write_whole
from services.platform.security.identities import EDGE

__all__ = ["TRUST_FILE", "identity_file", "identity_secret", "trust_secret", "write_secrets"]

TRUST_FILE: Final = "trust.sds.yaml"
_SECRET = f"{API}.extensions.transport_sockets.tls.v3.Secret"


def write_secrets(folder: Path) -> None:
    """Write the files into a folder of certificates, given as Envoy sees it, where they differ.

    One for the edge and for each service, whose sidecar shows it, and that of the authorities.
    """
    owners = (EDGE, *DEFAULT_ADDRESSES)
    secrets = {identity_file(name): identity_secret(str(folder), name) for name in owners}
    for name, secret in {**secrets, TRUST_FILE: trust_secret(str(folder))}.items():
        text = yaml.safe_dump({"resources": [secret]}, sort_keys=False).encode()
        path = folder / name
        if not path.exists() or path.read_bytes() != text:
            write_whole(path, text)


def identity_file(name: str) -> str:
    """Return the name of the file for the process of this name."""
    return f"{name}.sds.yaml"


def identity_secret(folder: str, name: str) -> dict[str, Any]:
    """Build the certificate and key of the process of this name."""
    return typed(
        _SECRET,
        name=name,
        tls_certificate={
            "certificate_chain": {"filename": f"{folder}/{name}.pem"},
            "private_key": {"filename": f"{folder}/{name}.key"},
        },
    )


def trust_secret(folder: str) -> dict[str, Any]:
    """Build the authorities that services' certificates are signed by."""
    return typed(
        _SECRET,
        name="trust",
        validation_context={
            "trusted_ca": {"filename": f"{folder}/ca.pem"},
        },
    )
