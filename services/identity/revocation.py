"""The revocation endpoint (RFC 7009): a token ends its session, and all tokens of it."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from services.identity.grants import ANY_CLIENT
from services.identity.oauth_models import OAuthClient, RefreshToken
from services.identity.sessions import Sessions
from services.platform.rpc.end_user import user_id_of

__all__ = ["Revocation"]

Result = TypeVar("Result")


class RevocationServer(Protocol):
    """What the endpoint asks of the server; from a thread of authlib's."""

    sessions: Sessions

    def wait(self, question: Coroutine[Any, Any, Result]) -> Result:
        """Have something done on the event loop."""
        ...

    def access_token(self, token: str) -> Mapping[str, Any] | None:
        """Give the claims of a good access token of ours; None for any other text."""
        ...


class UnsupportedTokenTypeError(OAuth2Error):
    """RFC 7009, 2.2.1: 400, where authlib answers 401."""

    error = "unsupported_token_type"
    description = "An access token that was given outside of a log-in ends by itself."


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that was shown, and is good."""

    client_id: str
    user_id: int
    session: str
    """Empty of a token that was given outside of one."""

    def check_client(self, client: OAuthClient) -> bool:
        """Whether the token was given to this client."""
        return self.client_id == client.client_id


class Revocation(RevocationEndpoint):
    """Takes refresh tokens, and access tokens of a session; what is neither was revoked already."""

    CLIENT_AUTH_METHODS = ANY_CLIENT
    server: RevocationServer

    def check_params(self, request: Any, client: OAuthClient) -> None:  # noqa: ANN401, ARG002
        """Want a token. The hint needs no look: a token shows by itself of which type it is."""
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(
        self,
        token_string: str,
        token_type_hint: str | None,  # noqa: ARG002
    ) -> RefreshToken | AccessToken | None:
        """Find what a token is of."""
        found = self.server.wait(self.server.sessions.find_refresh(token_string))
        if found is not None:
            return RefreshToken(*found)
        claims = self.server.access_token(token_string)
        if claims is None:
            return None
        # An app's own token has the app for its subject, whose id is never a number.
        return AccessToken(claims["client_id"], user_id_of(claims["sub"]), claims.get("sid", ""))

    def revoke_token(self, token: RefreshToken | AccessToken, request: Any) -> None:  # noqa: ANN401, ARG002
        """End the session; edges refuse its access tokens within seconds."""
        sessions = self.server.sessions
        if isinstance(token, RefreshToken):
            self.server.wait(sessions.revoke(token.family_id))
        elif token.session:
            self.server.wait(sessions.revoke_session(token.user_id, token.session))
        else:
            raise UnsupportedTokenTypeError
