"""The grants: authlib knows the protocol, we say what is kept and who may.

authlib is synchronous, our stores are not: it runs in a thread, and what it asks of us is run on
the event loop through `GrantsServer.wait`.
"""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as rfc6749
from authlib.oauth2.rfc6749.grants.base import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.errors import (
    LoginRequiredError,
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import ECKey

from services.identity.keys import ALGORITHM
from services.identity.model import Code, session_id
from services.identity.oauth_models import OAuthClient, OAuthCode, OAuthUser, RefreshToken
from services.identity.operator_client import HANDLE_TOKEN_TYPE, TOKEN_EXCHANGE
from services.identity.sessions import Sessions

__all__ = [
    "AuthorizationCode",
    "ClientCredentials",
    "GrantsServer",
    "IdTokens",
    "NothingUnsupported",
    "Pkce",
    "Refresh",
    "Revocation",
    "TokenExchange",
]

Result = TypeVar("Result")

CONFIDENTIAL = ["client_secret_basic", "client_secret_post"]
ANY_CLIENT = [*CONFIDENTIAL, "none"]
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
"""What OpenID Connect Core, 3.1.2.1, knows. Ours asks for all of them but `none`, each time."""
NOT_SUPPORTED = {
    "request": RequestNotSupportedError,
    "request_uri": RequestURINotSupportedError,
    "registration": RegistrationNotSupportedError,
}
"""Parameters of OpenID Connect Core, 6 and 7.2.1, that hold a second request: not to be ignored."""
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name


class GrantsServer(Protocol):
    """What grants ask of the server that they are registered with; from a thread of authlib's."""

    sessions: Sessions

    @property
    def issuer(self) -> str:
        """Return the `iss` of its tokens."""
        ...

    def wait(self, question: Coroutine[Any, Any, Result]) -> Result:
        """Have something done on the event loop."""
        ...

    def now_s(self) -> int:
        """Unix seconds."""
        ...

    def issue_code(self, code: Code) -> str:
        """Keep what was granted; gives the code that stands for it."""
        ...

    def signing_key(self) -> ECKey:
        """Return the key that signs tokens now."""
        ...

    def user_by_id(self, user_id: int) -> OAuthUser | None:
        """Find a user who is still there."""
        ...

    def user_by_handle(self, handle: str) -> OAuthUser | None:
        """Find a user who is still there."""
        ...


class AuthorizationCode(rfc6749.AuthorizationCodeGrant):
    """RFC 6749, 4.1, with the code used up before anything is issued for it."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT
    server: GrantsServer

    def generate_authorization_code(self) -> str:
        """Leave it to `save_authorization_code`'s store, which draws it."""
        payload, user = self.request.payload, self.request.user
        return self.server.issue_code(
            Code(
                client_id=self.request.client.client_id,
                user_id=user.user_id,
                handle=user.handle,
                redirect_uri=payload.redirect_uri,
                scope=self.request.scope,
                challenge=payload.data["code_challenge"],
                nonce=payload.data.get("nonce", ""),
                auth_time_s=self.server.now_s(),
                expires_at_ms=0,
                generation=user.generation,
            )
        )

    def save_authorization_code(self, code: str, request: Any) -> None:  # noqa: ANN401
        """Do nothing: it was kept as it was drawn."""

    def query_authorization_code(self, code: str, client: OAuthClient) -> OAuthCode | None:
        """Find a code that was not used yet."""
        found = self.server.wait(self.server.sessions.find_code(code, client.client_id))
        return None if found is None else OAuthCode(*found)

    def authenticate_user(self, authorization_code: OAuthCode) -> OAuthUser | None:
        """Use the code up, and look whether its user is still there."""
        key, code = authorization_code.key, authorization_code.record
        family_id = self.server.wait(self.server.sessions.redeem(key, code))
        if family_id is None:
            raise InvalidGrantError("The code was used already.")
        self.request.family_id = family_id
        user = self.server.user_by_id(code.user_id)
        return None if user is None else replace(user, session=session_id(family_id))

    def delete_authorization_code(self, authorization_code: OAuthCode) -> None:
        """Keep it, marked as used, so that its second use is known for one."""


class Pkce(CodeChallenge):
    """RFC 7636, for every client, and S256 alone."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - authlib's own form

    def validate_code_challenge(self, grant: AuthorizationCode, redirect_uri: str) -> None:
        """Want a challenge, and its method by name: left out, it would mean `plain`."""
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with 'code_challenge_method=S256' is required.")
        super().validate_code_challenge(grant, redirect_uri)


class NothingUnsupported:
    """Refuses an authorization request for what is not supported, rather than do less."""

    def __call__(self, grant: AuthorizationCode) -> None:
        """Look at each request of the grant."""
        grant.register_hook("after_validate_authorization_request_payload", self._validate)

    def _validate(self, grant: AuthorizationCode, redirect_uri: str) -> None:  # noqa: ARG002
        data = grant.request.payload.data
        for name, error in NOT_SUPPORTED.items():
            if data.get(name):
                raise error
        # A parameter without a value is one that was left out (RFC 6749, 3.1).
        if (data.get("response_mode") or "query") != "query":
            raise InvalidRequestError("'response_mode' must be 'query'.")
        prompts = data.get("prompt", "").split()
        if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
            raise InvalidRequestError("'prompt' has a value that is unknown, or does not fit.")
        if prompts == ["none"]:
            raise LoginRequiredError


class IdTokens(OpenIDCode):
    """ID tokens of OpenID Connect, next to access tokens."""

    def __init__(self, server: GrantsServer) -> None:
        super().__init__(require_nonce=False)
        self._server = server

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ANN401, ARG002
        """Leave replays to the client, which made the nonce: codes are good once."""
        return False

    def resolve_client_private_key(self, client: OAuthClient) -> Any:  # noqa: ANN401, ARG002
        """Return the key that signs ID tokens now, the same for all clients."""
        return self._server.signing_key()

    def get_client_algorithm(self, client: OAuthClient) -> str:  # noqa: ARG002
        """Return the one algorithm that ID tokens are signed by."""
        return ALGORITHM

    def get_encode_header(self, client: OAuthClient) -> dict[str, str]:  # noqa: ARG002
        """Name the algorithm and the key in the header of an ID token."""
        return {"alg": ALGORITHM, "kid": self._server.signing_key().kid or ""}

    def get_client_claims(self, client: OAuthClient) -> dict[str, str]:
        """Say by whom and for which client an ID token is."""
        return {"iss": self._server.issuer, "aud": client.client_id}

    def generate_user_info(self, user: OAuthUser, scope: str) -> UserInfo:  # noqa: ARG002
        """Say who the user is: id and handle, whatever the scope."""
        return UserInfo(sub=str(user.user_id), preferred_username=user.handle)


class Refresh(rfc6749.RefreshTokenGrant):
    """RFC 6749, 6, with rotation: `OAuthServer.save_token` makes the next token."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT
    INCLUDE_NEW_REFRESH_TOKEN = False
    server: GrantsServer

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        """Find a token that is the last of its family."""
        found = self.server.wait(self.server.sessions.find_refresh(refresh_token))
        return None if found is None else RefreshToken(*found)

    def authenticate_user(self, refresh_token: RefreshToken) -> OAuthUser:
        """Look whether the user is still there; the tokens of one who is not end here."""
        user = self.server.user_by_id(refresh_token.record.user_id)
        if user is None:
            self.server.wait(self.server.sessions.revoke(refresh_token.family_id))
            raise InvalidGrantError("The user is gone.")
        return replace(user, session=session_id(refresh_token.family_id))

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """Do nothing: it was used up by the rotation."""


class ClientCredentials(rfc6749.ClientCredentialsGrant):
    """RFC 6749, 4.4: an app in its own name."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def validate_token_request(self) -> None:
        """Check the client, and hold the scope to what it may do itself."""
        super().validate_token_request()
        self.request.client.in_its_own_name = True


class TokenExchange(BaseGrant, TokenEndpointMixin):
    """RFC 8693, for operators: a token of the user whose handle is the subject token.

    The client's own right to do that is all the proof there is, so few have this grant; the token
    names it as the actor.
    """

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL
    server: GrantsServer

    def validate_token_request(self) -> None:
        """Check client, form and user."""
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not exchange tokens.")
        self.request.client = client
        form = self.request.form
        if form.get("subject_token_type") != HANDLE_TOKEN_TYPE:
            raise InvalidRequestError(f"'subject_token_type' must be {HANDLE_TOKEN_TYPE}.")
        user = self.server.user_by_handle(form.get("subject_token", ""))
        if user is None:
            raise InvalidGrantError("There is no user with this handle.")
        self.request.user = OAuthUser(user.user_id, user.handle, actor=client.client_id)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token."""
        token = self.generate_token(
            user=self.request.user, scope=self.request.payload.scope, include_refresh_token=False
        )
        self.save_token(token)
        return 200, {**token, "issued_token_type": ACCESS_TOKEN_TYPE}, self.TOKEN_RESPONSE_HEADER


class Revocation(RevocationEndpoint):
    """RFC 7009, for refresh tokens; the access tokens of their session end with them.

    An access token by itself is answered as one that is unknown.
    """

    CLIENT_AUTH_METHODS = ANY_CLIENT
    server: GrantsServer

    def query_token(self, token_string: str, token_type_hint: str | None) -> RefreshToken | None:  # noqa: ARG002
        """Find the family of a refresh token."""
        found = self.server.wait(self.server.sessions.find_refresh(token_string))
        return None if found is None else RefreshToken(*found)

    def revoke_token(self, token: RefreshToken, request: Any) -> None:  # noqa: ANN401, ARG002
        """End the family."""
        self.server.wait(self.server.sessions.revoke(token.family_id))
