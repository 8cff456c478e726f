"""Channels for people: what a command line calls services with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from services.platform.rpc.channels import open_channel, target
from services.platform.security.certificates.folder import FOLDER_NAME
from services.platform.security.identities import OPERATOR, server_name
from services.platform.security.signing import Signer
from services.platform.security.tls import TlsFiles

__all__ = [
    "SIGNING_KEYS_FILE",
    "operator_channel",
    "operator_files",
    "operator_signing_keys",
    "operator_sync_channel",
]

SIGNING_KEYS_FILE: Final = "signing.keys"
"""Within a data folder, while `up` runs there with keys of its own making."""


def operator_channel(
    certificates: Path | None,
    service: str,
    address: str,
    descriptors: Sequence[ServiceDescriptor] = (),
    *,
    signer: Signer | None = None,
) -> grpc.aio.Channel:
    """Open a channel to the process of this name as the operator; the caller closes it.

    `certificates` is what `operator_files` found, or a folder that the operator was given; None
    is plaintext. Raises CredentialsError if the operator's certificate there is of no use.
    """
    tls = None if certificates is None else TlsFiles(certificates, OPERATOR).towards(service)
    return open_channel(address, descriptors, tls=tls, signer=signer)


def operator_sync_channel(
    certificates: Path | None,
    service: str,
    address: str,
    options: Sequence[tuple[str, str]] = (),
    *,
    identity: str = OPERATOR,
) -> grpc.Channel:
    """`operator_channel` for programs without an event loop; it neither retries nor signs."""
    if certificates is None:
        return grpc.insecure_channel(target(address), options)
    credentials = TlsFiles(certificates, identity).current.for_client()
    named = (*options, ("grpc.ssl_target_name_override", server_name(service)))
    return grpc.secure_channel(target(address), credentials, named)


def operator_files(data_dir: Path) -> Path | None:
    """Find the certificates of the Aviary that `up` runs in a data folder.

    None where there are none: it runs in plaintext, or not at all.
    """
    folder = data_dir / FOLDER_NAME
    return folder if (folder / f"{OPERATOR}.pem").exists() else None


def operator_signing_keys(data_dir: Path) -> Path | None:
    """Find the keys that requests are signed with in the Aviary that `up` runs in a data folder.

    None where there are none: it signs nothing, or by keys that somebody gave it.
    """
    path = data_dir / SIGNING_KEYS_FILE
    return path if path.exists() else None
