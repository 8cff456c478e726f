"""What the issuer keeps, and the rules about it that need no store."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "CODE_S",
    "OMITTED_BY_DEFAULT",
    "AppKey",
    "Client",
    "Code",
    "Credential",
    "Device",
    "Family",
    "PasswordChange",
    "Revocation",
    "RevokedAppKey",
    "Session",
    "SignUp",
    "SigningKey",
    "credential_key",
    "digest",
    "new_secret",
    "same_secret",
    "session_id",
    "user_of",
]


CODE_S: Final = 60
"""From the browser's redirect to the app's request for tokens; a second is common."""

SESSION_ID_DIGITS: Final = 32
"""128 bits of a digest: two sessions never share an id."""

SECRET_BYTES: Final = 32
"""Of all that we draw: beyond guessing, so a plain hash of it is enough to keep."""

Millis = int

OMITTED_BY_DEFAULT: Final[Mapping[str, bool]] = {"omitted_by_default": True}
"""Of a field that came later: a row says nothing of it while it has its default, so versions from
before it, which compare rows byte by byte, go on changing those that they wrote."""


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
    id_token_alg: str = field(default="ES256", metadata=OMITTED_BY_DEFAULT)
    """What its ID tokens are signed by. Apps from before there was a choice have ES256."""


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
    generation: int = field(default=0, metadata=OMITTED_BY_DEFAULT)
    """Of the password that was shown; see `Credential`."""


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
    generation: int = field(default=0, metadata=OMITTED_BY_DEFAULT)
    """Of the password that it began with; see `Credential`."""


@dataclass(frozen=True, slots=True)
class Session:
    """That a user has a family of tokens; its row is found by user."""

    family_id: str


@dataclass(frozen=True, slots=True)
class AppKey:
    """An API key of an app. The key itself is signed and kept nowhere."""

    client_id: str
    made_at_ms: Millis
    expires_at_ms: Millis
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class RevokedAppKey:
    """An API key that edges must refuse until it would have expired."""

    expires_at_ms: Millis


@dataclass(frozen=True, slots=True)
class Revocation:
    """A session or user whose access tokens edges must refuse until they have expired."""

    name: str
    until_ms: Millis


@dataclass(frozen=True, slots=True)
class Credential:
    """A user's password, and which sessions it lets live."""

    password_hash: str
    set_at_ms: Millis
    generation: int = field(default=0, metadata=OMITTED_BY_DEFAULT)
    """How often it was changed. What was granted for an earlier one has ended."""
    kept_session: str = field(default="", metadata=OMITTED_BY_DEFAULT)
    """The session it was changed in, which lives on; empty if it never was."""

    def lets_live(self, family_id: str, generation: int) -> bool:
        """Whether a session that began with the password of this generation goes on."""
        return generation == self.generation or session_id(family_id) == self.kept_session


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that has logged in to an account; it holds a secret, we its digest."""

    last_seen_ms: Millis


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change of a password under way: sessions may have to be ended yet."""

    started_at_ms: Millis


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


def credential_key(user_id: int) -> str:
    """Give the key of a user's credential."""
    return f"{user_id:016x}"


def user_of(key: str) -> int:
    """Give the user whose credential has this key."""
    return int(key, 16)


def new_secret() -> str:
    """Draw what nobody can guess: URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """Digest a drawn secret for keeping."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, kept: str) -> bool:
    """Whether `secret` is the one whose digest was kept; takes the same time either way."""
    return hmac.compare_digest(digest(secret), kept)


def session_id(family_id: str) -> str:
    """Name a family where others see it, as the `sid` of access tokens.

    The family's own id is half of its refresh tokens.
    """
    return digest(family_id)[:SESSION_ID_DIGITS]
