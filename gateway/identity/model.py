"""What the issuer keeps, and the rules about it that need no store."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ACCESS_TOKEN_S",
    "CODE_S",
    "REFRESH_TOKEN_S",
    "Client",
    "Code",
    "Credential",
    "Family",
    "SignUp",
    "SigningKey",
    "digest",
    "new_secret",
    "same_secret",
]

ACCESS_TOKEN_S: Final = 900
"""Nothing takes an access token back, so this is how long a stolen one works; clients refresh it
four times an hour."""

CODE_S: Final = 60
"""From the browser's redirect to the app's request for tokens; a second is common."""

REFRESH_TOKEN_S: Final = 30 * 86_400
"""An app that is opened once a month stays logged in; each use begins the time anew."""

SECRET_BYTES: Final = 32
"""Of all that we draw: beyond guessing, so a plain hash of it is enough to keep."""

Millis = int


@dataclass(frozen=True, slots=True)
class Client:
    """An app. Its id is public, and is what limits per app go by."""

    name: str
    secret_digest: str | None
    """None of a public client, which could not keep a secret: it has PKCE."""
    redirect_uris: tuple[str, ...]
    grants: tuple[str, ...]
    user_scopes: tuple[str, ...]
    """What it may ask users for."""
    own_scopes: tuple[str, ...]
    """What it may do in its own name."""
    created_at_ms: Millis


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: proof of one log-in, to be exchanged once."""

    client_id: str
    user_id: int
    handle: str
    redirect_uri: str
    scope: str
    challenge: str
    """The PKCE code challenge, S256."""
    nonce: str
    auth_time_s: int
    expires_at_ms: Millis
    family_id: str = ""
    """The family of tokens that it was exchanged for; empty until then."""


@dataclass(frozen=True, slots=True)
class Family:
    """The refresh tokens that descend from one log-in; only the last one is good."""

    client_id: str
    user_id: int
    handle: str
    scope: str
    auth_time_s: int
    secret_digest: str
    expires_at_ms: Millis
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """A user's password."""

    password_hash: str
    set_at_ms: Millis


@dataclass(frozen=True, slots=True)
class SignUp:
    """A sign-up under way: enough to finish it, whenever it was cut off."""

    handle: str
    display_name: str
    password_hash: str
    request_id: str
    started_at_ms: Millis


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; the private half is sealed with the issuer's own key."""

    public: dict[str, str]
    """As a JWK."""
    sealed: str
    signs_from_ms: Millis


def new_secret() -> str:
    """Draw what nobody can guess: URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """Digest a drawn secret for keeping."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, kept: str) -> bool:
    """Whether `secret` is the one whose digest was kept; takes the same time either way."""
    return hmac.compare_digest(digest(secret), kept)
