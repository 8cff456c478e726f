"""Who calls the issuer itself with an access token: the same checks as at the edge, and one more.

The issuer knows whether the token's session has ended, so it needs no list of revoked ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import MissingAuthorizationError, ResourceProtector
from authlib.oauth2.rfc6749.errors import UnsupportedTokenTypeError
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError

from services.identity.access_tokens import AccessTokenValidator
from services.identity.keys import Keyring
from services.identity.oauth_requests import Call
from services.identity.ports import Account, UserDirectory
from services.identity.sessions import Sessions
from services.platform.rpc.end_user import user_id_of

__all__ = ["Bearer", "Bearers"]


@dataclass(frozen=True, slots=True)
class Bearer:
    """A user, by a good token."""

    account: Account
    client_id: str
    session: str
    """Empty of a token that was given outside of one."""


class NoTokenError(OAuth2Error):
    """Nobody showed a token: RFC 6750, 3.1, has no name of an error for that in the header."""

    error = "invalid_token"
    description = "There is no access token in the header 'Authorization'."
    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Name the scheme that is wanted."""
        return [*super().get_headers(), ("WWW-Authenticate", "Bearer")]


class NarrowTokenError(InsufficientScopeError):
    """A good token that lacks the scope, which the header names (RFC 6750, 3)."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._scope = scope

    def get_headers(self) -> list[tuple[str, str]]:
        """Name the scheme, the error and the scope."""
        said = f'Bearer error="{self.error}", scope="{self._scope}"'
        return [*super().get_headers(), ("WWW-Authenticate", said)]


class Bearers:
    """Finds users by their access tokens."""

    def __init__(
        self, issuer: str, keyring: Keyring, sessions: Sessions, users: UserDirectory
    ) -> None:
        self._sessions = sessions
        self._users = users
        self._protector = ResourceProtector()
        self._protector.register_token_validator(AccessTokenValidator(issuer, keyring))

    async def user(self, call: Call, scope: str) -> Bearer:
        """Give the user whose token it is; authlib's `OAuth2Error` without one of this scope."""
        try:
            claims: Mapping[str, str] = self._protector.validate_request([scope], call)
        except (MissingAuthorizationError, UnsupportedTokenTypeError) as error:
            raise NoTokenError from error
        except InsufficientScopeError as error:
            raise NarrowTokenError(scope) from error
        subject, session = claims["sub"], claims.get("sid", "")
        # An app's own token has the app for its subject, whose id is never a number.
        user_id = user_id_of(subject)
        account = await self._users.by_id(user_id) if user_id else None
        if account is None or (session and not await self._sessions.is_live(user_id, session)):
            raise InvalidTokenError
        return Bearer(account, claims["client_id"], session)
