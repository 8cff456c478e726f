"""What differs from site to site in the edge's configuration: `site.yaml` of an overlay.

Kustomize puts the same values where services read them, and cannot put them into a configuration of
Envoy, which is one text to it. So that text is made for each site.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

import pydantic.dataclasses
import yaml
from pydantic import Field

from gateway.envoy import checked_origins
from services.platform.config.defaults import DEFAULT_ISSUER_URL
from services.platform.config.environment import CONFIG, read
from services.platform.config.values import Names, Off, Origin, whole_number
from services.platform.files.single_yaml_keys import yaml_load
from services.platform.tokens.issuers import Issuer, distinct, embedded_issuer, read_issuers

__all__ = [
    "ALL_PERCENT",
    "ISSUERS_FILE",
    "PRODUCTION_TRACE_PERCENT",
    "SITE_FILE",
    "Site",
    "SiteError",
]

SITE_FILE: Final = "site.yaml"
ISSUERS_FILE: Final = "issuers.json"
"""Further issuers whose tokens count, where there is such a file beside the other."""
MOST_HOPS: Final = 10
"""More proxies in front of an edge are a slip."""

ALL_PERCENT: Final = 100
PRODUCTION_TRACE_PERCENT: Final = 1
"""Many a second of each RPC, where there are thousands; each costs all it passes a tenth more."""


class SiteError(ValueError):
    """The site's file is not what it should be."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=CONFIG)
class _Data:
    """The contents of `site.yaml`."""

    issuer_url: Origin = Field(default=DEFAULT_ISSUER_URL, validation_alias="issuerUrl")
    cors_origins: str = Field(default="", validation_alias="corsOrigins")
    first_party_clients: Names = Field(default=(), validation_alias="firstPartyClients")
    public_reads: Off = Field(default=False, validation_alias="publicReads")
    trusted_hops: Annotated[int, whole_number(least=0, most=MOST_HOPS)] = Field(
        default=0, validation_alias="trustedHops"
    )
    trace_percent: Annotated[int, whole_number(least=0, most=ALL_PERCENT)] = Field(
        default=PRODUCTION_TRACE_PERCENT, validation_alias="tracePercent"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site. By default the edge's port is forwarded to somebody's own machine."""

    issuer_url: str = DEFAULT_ISSUER_URL
    cors_origins: tuple[str, ...] = ()
    first_party_clients: tuple[str, ...] = ()
    public_reads: bool = False
    trusted_hops: int = 0
    """Addresses that proxies of ours add to X-Forwarded-For."""
    trace_percent: int = PRODUCTION_TRACE_PERCENT
    """Of requests, which are recorded as traces."""
    issuers: tuple[Issuer, ...] = ()
    """Others than the embedded one."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the file in an overlay's folder. Raises `SiteError`, naming it."""
        path, issuers = folder / SITE_FILE, folder / ISSUERS_FILE
        try:
            return cls.of(
                _texts(yaml_load(path.read_text())),
                read_issuers(issuers) if issuers.exists() else (),
            )
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise SiteError(f"{path}: {error}") from error

    @classmethod
    def of(cls, data: Mapping[str, str], issuers: tuple[Issuer, ...] = ()) -> Self:
        """Check what the file says. Raises `ValueError`."""
        found = read(_Data, data)
        distinct((embedded_issuer(found.issuer_url), *issuers))
        if any(issuer.jwks_file is not None for issuer in issuers):
            raise ValueError(f"{ISSUERS_FILE}: pods have no jwks_file; give a jwks_uri")
        return cls(
            issuer_url=found.issuer_url,
            cors_origins=checked_origins(found.cors_origins),
            first_party_clients=found.first_party_clients,
            public_reads=found.public_reads,
            trusted_hops=found.trusted_hops,
            trace_percent=found.trace_percent,
            issuers=issuers,
        )


def _texts(manifest: object) -> Mapping[str, str]:
    """Return what a ConfigMap holds. Raises `ValueError` where it is none."""
    data = manifest.get("data") if isinstance(manifest, dict) else None
    if not isinstance(data, dict) or not all(isinstance(each, str) for each in data.values()):
        raise ValueError("data: wanted texts by name, quoted where YAML would read them otherwise")
    return data
