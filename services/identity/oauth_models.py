"""What authlib's grants ask of clients, codes and tokens, answered from our records."""

import re
from dataclasses import dataclass
from typing import Final

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oidc.core import AuthorizationCodeMixin

from services.identity.model import Client, Code, Family, same_secret
from services.identity.scopes import known_scopes

__all__ = ["OAuthClient", "OAuthCode", "OAuthUser", "RefreshToken"]

LOOPBACK: Final = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([0-9]{1,5}))?([/?].*)?", re.ASCII
)
"""A URI of this very machine: what is before the port, the port, what is behind it."""
MAX_PORT: Final = 65_535


class OAuthClient(ClientMixin):
    """A client that asks for something."""

    def __init__(self, client_id: str, client: Client) -> None:
        self.client_id = client_id
        self.record = client
        self.in_its_own_name = False
        """Whether it asks for itself, not for a user."""

    def get_client_id(self) -> str:
        """Return the id by which it registered."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: a client always says where to go, so that nothing depends on an order."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Give what it asked for of what there is, or all it may where it asked for nothing.

        None where it asks for what it may not, or for nothing that there is.
        """
        record = self.record
        allowed = record.own_scopes if self.in_its_own_name else record.user_scopes
        wanted = known_scopes(scope) if scope else allowed
        return " ".join(wanted) if wanted and set(wanted) <= set(allowed) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it registered this very URI, character by character.

        Of one that leads to this machine the port may be another: a native app listens on a free
        one, which it knows only then (RFC 8252, 7.3; RFC 9700, 2.1).
        """
        registered = self.record.redirect_uris
        if redirect_uri in registered:
            return True
        any_port = _without_port(redirect_uri)
        return any_port is not None and any_port in map(_without_port, registered)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret; never for a client without one."""
        kept = self.record.secret_digest
        return kept is not None and same_secret(client_secret, kept)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """Let a client without a secret, and no other, come without one."""
        return (method == "none") == (self.record.secret_digest is None)

    def check_response_type(self, response_type: str) -> bool:
        """Allow `code` alone, to clients that send users to log in."""
        return response_type == "code" and "authorization_code" in self.record.grants

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow the grants that it registered for."""
        return grant_type in self.record.grants


@dataclass(frozen=True, slots=True)
class OAuthUser:
    """The user whom a token is for."""

    user_id: int
    handle: str
    actor: str = ""
    """The client that acts for the user without the user having been there; empty if none does."""
    session: str = ""
    """The id of the session that a token is given in; empty outside of one."""
    generation: int = 0
    """Of the password that was shown."""

    def get_user_id(self) -> int:
        """Return what becomes the `sub` of tokens."""
        return self.user_id


class OAuthCode(AuthorizationCodeMixin):
    """An authorization code that was shown."""

    def __init__(self, key: str, code: Code) -> None:
        self.key = key
        self.record = code
        self.code_challenge = code.challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        """Return the URI that the code was sent to."""
        return self.record.redirect_uri

    def get_scope(self) -> str:
        """Return what the user granted."""
        return self.record.scope

    def get_nonce(self) -> str:
        """Return the client's nonce, for the ID token; empty if it gave none."""
        return self.record.nonce

    def get_auth_time(self) -> int:
        """Return when the user logged in, in Unix seconds."""
        return self.record.auth_time_s

    def get_acr(self) -> None:
        """Claim no class."""

    def get_amr(self) -> list[str]:
        """Say that it was a password."""
        return ["pwd"]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that was shown, and is the last one of its family."""

    family_id: str
    record: Family

    def check_client(self, client: OAuthClient) -> bool:
        """Whether the token was given to this client."""
        return self.record.client_id == client.client_id

    def get_scope(self) -> str:
        """Return what the user granted."""
        return self.record.scope


def _without_port(uri: str) -> tuple[str, str] | None:
    """Take the port out of a URI that leads to this machine; None for another."""
    found = LOOPBACK.fullmatch(uri)
    if found is None or not 0 < int(found[2] or MAX_PORT) <= MAX_PORT:
        return None
    return found[1], found[3] or ""
