"""What settings must be to each other; each rule raises SettingsError, naming what to change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from services.platform.config.errors import SettingsError
from services.platform.config.signing_keys import SigningKey
from services.platform.config.values import is_loopback
from services.platform.specs import ServiceSpec, all_specs

__all__ = [
    "require_certificates",
    "require_cloud_names",
    "require_encrypted_search",
    "require_http_certificates",
    "require_loopback",
    "require_one_source",
    "require_own_schema",
]


def require_cloud_names(
    storage: str, bus: str, gcp_project: str | None, bigtable_instance: str | None
) -> None:
    """Want a project with an engine of Google's, and an instance with Bigtable."""
    if gcp_project is None and (storage == "bigtable" or bus == "pubsub"):
        wanted = "a project id, since AVIARY_STORAGE=bigtable or AVIARY_BUS=pubsub"
        raise SettingsError("AVIARY_GCP_PROJECT", got="", wanted=wanted)
    if bigtable_instance is None and storage == "bigtable":
        wanted = "an instance id, since AVIARY_STORAGE=bigtable"
        raise SettingsError("AVIARY_BIGTABLE_INSTANCE", got="", wanted=wanted)


def require_certificates(addresses: Mapping[str, str], tls_dir: Path | None, *, tls: bool) -> None:
    """Want plaintext to be asked for wherever somebody else could listen."""
    if not tls:
        if tls_dir is not None:
            raise SettingsError("AVIARY_TLS", got="off", wanted="on, or no AVIARY_TLS_DIR")
        return
    exposed = [name for name, at in addresses.items() if not is_loopback(at)]
    if tls_dir is None and exposed:
        _require_folder("AVIARY_TLS_DIR", all_specs()[exposed[0]].address_variable)


def require_encrypted_search(url: str | None, *, tls: bool) -> None:
    """Want the same of an OpenSearch, which is sent a password."""
    parts = urlsplit(url or "https:")
    if tls and parts.scheme == "http" and not is_loopback(f"{parts.hostname}:0"):
        wanted = "an https URL, or AVIARY_TLS=off"
        raise SettingsError("AVIARY_SEARCH_URL", got=None, wanted=wanted)


def require_http_certificates(
    spec: ServiceSpec, address: str, folder: Path | None, tls_dir: Path | None, *, tls: bool
) -> None:
    """Want the same of a service's HTTP listener, which no sidecar stands before."""
    variable = spec.http_tls_variable
    if not tls:
        if folder not in (None, tls_dir):
            raise SettingsError("AVIARY_TLS", got="off", wanted=f"on, or no {variable}")
        return
    if folder is None and not is_loopback(address):
        _require_folder(variable, spec.http_address_variable)


def require_loopback(addresses: Mapping[str, str], tls_dir: Path | None) -> None:
    """Want a process with a sidecar to leave it the certificates, and all beyond loopback."""
    variable = "AVIARY_SIDECAR"
    if tls_dir is not None:
        wanted = "off, or no AVIARY_TLS_DIR: the sidecar has the certificates"
        raise SettingsError(variable, got="on", wanted=wanted)
    for service, at in addresses.items():
        if not is_loopback(at):
            raise SettingsError(
                all_specs()[service].address_variable,
                got=at,
                wanted=f"a loopback address, since {variable}=on",
            )


def require_one_source(signing_keys: Sequence[SigningKey], file: Path | None) -> None:
    """Want signing keys from a variable, or from a file."""
    if signing_keys and file is not None:
        wanted = "nothing, or no AVIARY_SIGNING_KEYS_FILE"
        raise SettingsError("AVIARY_SIGNING_KEYS", got=None, wanted=wanted)


def require_own_schema(storage: str, bus: str, schema: str) -> None:
    """Want processes to make the schema where nobody else can."""
    if schema == "given" and (storage, bus) == ("sqlite", "valkey"):
        wanted = "make: nobody else makes it in SQLite and Valkey"
        raise SettingsError("AVIARY_SCHEMA", got=schema, wanted=wanted)


def _require_folder(variable: str, exposed: str) -> None:
    wanted = f"a folder of certificates, since {exposed} is not loopback"
    raise SettingsError(variable, got="", wanted=f"{wanted}; or AVIARY_TLS=off for plaintext")
