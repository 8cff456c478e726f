"""Whose access tokens the edge takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from services.platform.files.inner_path import inner_path
from services.platform.files.single_keys import json_loads

__all__ = [
    "ALONE",
    "APP_KEYS_PATH",
    "APP_KEY_AUDIENCE",
    "BESIDE",
    "EMBEDDED_AUDIENCE",
    "JWKS_CACHE_S",
    "JWKS_PATH",
    "KEYS_CLUSTER",
    "Issuer",
    "IssuerError",
    "distinct",
    "embedded_issuer",
    "read_issuers",
]

EMBEDDED_AUDIENCE: Final = "aviary-api"
"""Whom the embedded issuer's access tokens are for."""

APP_KEY_AUDIENCE: Final = "aviary-app-key"
"""What the embedded issuer's API keys are for: to name an app, and for nothing that a token is."""

IDENTITY_CLUSTER: Final = "identity_http"
"""Where the embedded issuer answers; see `gateway.envoy.auth`."""

KEYS_CLUSTER: Final = "issuer_keys"
"""Where edges fetch its keys: its own word or, while it cannot answer, what the gateway keeps."""

JWKS_PATH: Final = "/oauth/jwks"
APP_KEYS_PATH: Final = "/oauth/app-keys"
"""What edges check access tokens and API keys with, and nothing else."""

BESIDE: Final = "_app_key"
ALONE: Final = "_app_key_alone"
"""What is added to an issuer's name, to name in Envoy what checks its API keys; no name ends so."""

JWKS_CACHE_S = 60
"""Seconds that the edge keeps an issuer's keys. A new key must be published this long before it
signs, and of another issuer than ours it is how long a key that was withdrawn still counts."""


class IssuerError(ValueError):
    """The file of issuers is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer, by what its tokens say and where its keys are. Exactly one of the JWKS is set."""

    name: str
    """Ours, to distinguish issuers in the configuration: letters, digits and underscores."""
    issuer: str
    """The `iss` of its tokens, character by character."""
    audiences: Sequence[str]
    """One of them must be among the `aud` of a token."""
    user_claim: str
    """The claim that holds the id of an Aviary user, in decimal digits."""
    jwks_uri: str | None = None
    jwks_file: str | None = None
    """A path as Envoy sees it, which reads it again when another file is moved there. In a file of
    issuers it is one within that file's folder."""
    jwks_cluster: str | None = None
    """The cluster to fetch `jwks_uri` through; None makes one of the URI's own host."""
    jwks_cache_s: int = JWKS_CACHE_S
    app_keys_uri: str | None = None
    """The keys that its apps' API keys are checked with; None of an issuer that gives none."""
    may_act_for_anybody: bool = False
    """Whether its tokens may carry `act:any`; only of an issuer that is ours."""

    @property
    def is_watched(self) -> bool:
        """Whether the gateway watches its keys, and says which were withdrawn: ours."""
        return self.jwks_cluster == KEYS_CLUSTER

    def __post_init__(self) -> None:
        if (self.jwks_uri is None) == (self.jwks_file is None):
            raise IssuerError(f"issuer {self.name}: give either jwks_uri or jwks_file")
        if not (self.issuer and self.audiences and self.user_claim):
            raise IssuerError(f"issuer {self.name}: issuer, audiences and user_claim are needed")
        if not self.name.isidentifier():
            raise IssuerError(f"issuer {self.name!r}: a name is letters, digits and underscores")
        if self.name.endswith((BESIDE, ALONE)):
            raise IssuerError(f"issuer {self.name}: a name does not end in {BESIDE} or {ALONE}")


def embedded_issuer(url: str, *, jwks_cache_s: int = JWKS_CACHE_S) -> Issuer:
    """Describe `services.identity` at the public `url`."""
    return Issuer(
        name="aviary",
        issuer=url,
        audiences=(EMBEDDED_AUDIENCE,),
        user_claim="sub",
        # The cluster decides where this goes; the host only has to be one.
        jwks_uri=f"http://identity{JWKS_PATH}",
        jwks_cluster=KEYS_CLUSTER,
        app_keys_uri=f"http://identity{APP_KEYS_PATH}",
        jwks_cache_s=jwks_cache_s,
        may_act_for_anybody=True,
    )


def distinct(issuers: Sequence[Issuer]) -> tuple[Issuer, ...]:
    """Give them back; `IssuerError` where two share a name, or the `iss` of their tokens.

    Of one name the edge would know the last; and of one `iss`, who is not ours would pass for ours.
    """
    for what, said in (
        ("name", [one.name for one in issuers]),
        ("issuer", [one.issuer for one in issuers]),
    ):
        for value in said:
            if said.count(value) > 1:
                raise IssuerError(f"two issuers have the {what} {value!r}")
    return tuple(issuers)


def read_issuers(path: Path) -> tuple[Issuer, ...]:
    """Read further issuers from a JSON file: a list of objects with the fields of `Issuer`.

    Raises `IssuerError`, naming the file.
    """
    allowed = {"name", "issuer", "audiences", "user_claim", "jwks_uri", "jwks_file", "jwks_cache_s"}
    try:
        entries = json_loads(path.read_text())
        for entry in entries:
            if unknown := entry.keys() - allowed:
                raise IssuerError(f"unknown fields {sorted(unknown)}")
        return tuple(_issuer(path.parent, entry) for entry in entries)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise IssuerError(f"{path}: {error}") from error


def _issuer(folder: Path, entry: Mapping[str, Any]) -> Issuer:
    """Make one of what a file in `folder` says; raises ValueError for keys that are elsewhere."""
    issuer = Issuer(**entry)
    if issuer.jwks_file is None:
        return issuer
    return replace(issuer, jwks_file=str(inner_path(folder.absolute(), issuer.jwks_file)))
