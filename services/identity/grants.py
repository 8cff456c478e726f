"""The grants: authlib knows the protocol, we say what is kept and who may.

authlib is synchronous, our stores are not: it runs in a thread, and what it asks of us is run on
the event loop through `GrantsServer.wait`.
"""

import re
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749 import grants as rfc6749
from authlib.oauth2.rfc6749.grants.base import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.errors import (
    LoginRequiredError,
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)

from services.identity.id_tokens import hinted_user
from services.identity.keys import Keyrings
from services.identity.model import Code, session_id
from services.identity.oauth_models import OAuthClient, OAuthCode, OAuthUser, RefreshToken
from services.identity.operator_client import HANDLE_TOKEN_TYPE, TOKEN_EXCHANGE
from services.identity.scopes import known_scopes
from services.identity.sessions import Sessions

__all__ = [
    "ANY_CLIENT",
    "PROMPTS",
    "AuthorizationCode",
    "ClientCredentials",
    "GrantsServer",
    "Pkce",
    "Refresh",
    "RequestRules",
    "TokenExchange",
]

Result = TypeVar("Result")

CONFIDENTIAL = ["client_secret_basic", "client_secret_post"]
ANY_CLIENT = [*CONFIDENTIAL, "none"]
PROMPTS = ("none", "login", "consent", "select_account")
"""What OpenID Connect Core, 3.1.2.1, knows. Ours asks for all of them but `none`, each time."""
NOT_SUPPORTED = {
    "request": RequestNotSupportedError,
    "request_uri": RequestURINotSupportedError,
    "registration": RegistrationNotSupportedError,
}
"""Parameters of OpenID Connect Core, 6 and 7.2.1, that hold a second request: not to be ignored."""
VSCHARS = re.compile(r"[\x20-\x7e]*")
"""RFC 6749, A.5."""
MAX_AGE = re.compile(r"[0-9]{1,10}", re.ASCII)
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name


class GrantsServer(Protocol):
    """What grants ask of the server that they are registered with; from a thread of authlib's."""

    sessions: Sessions

    @property
    def issuer(self) -> str:
        """Return the `iss` of its tokens."""
        ...

    @property
    def keyrings(self) -> Keyrings:
        """Return what it signs with."""
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

    def create_authorization_response(self, redirect_uri: str, grant_user: OAuthUser | None) -> Any:  # noqa: ANN401
        """Give a code, but not of another user than the one the client hinted at.

        OpenID Connect Core, 3.1.2.1, has an error for that.
        """
        hint = self.request.payload.data.get("id_token_hint")
        if grant_user and hint and hinted_user(hint, self.server) != grant_user.user_id:
            raise LoginRequiredError("Another user logged in.", redirect_uri=redirect_uri)
        return super().create_authorization_response(redirect_uri, grant_user)

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


class RequestRules:
    """Refuses an authorization request for what is not supported, rather than do less."""

    def __call__(self, grant: AuthorizationCode) -> None:
        """Look at each request of the grant, before all else but where its answer goes.

        authlib runs hooks in no order, and a request object holds what they look for.
        """
        grant.register_hook("before_validate_authorization_request_payload", self._validate)

    def _validate(self, grant: AuthorizationCode, redirect_uri: str) -> None:  # noqa: ARG002
        data = grant.request.payload.data
        for name, error in NOT_SUPPORTED.items():
            if name in data:
                raise error
        if not VSCHARS.fullmatch(data.get("state", "")):
            raise InvalidRequestError("'state' must be printable ASCII.")
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("'response_mode' must be 'query'.")
        # Whoever is asked logs in each time, so that is never too long ago.
        if not MAX_AGE.fullmatch(data.get("max_age", "0")):
            raise InvalidRequestError("'max_age' must be seconds, in digits.")
        if "id_token_hint" in data:
            hinted_user(data["id_token_hint"], grant.server)
        prompts = data.get("prompt", "").split()
        if not set(PROMPTS).issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
            raise InvalidRequestError("'prompt' has a value that is unknown, or does not fit.")
        if prompts == ["none"]:
            raise LoginRequiredError


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

    def _validate_token_scope(self, token: RefreshToken) -> None:
        """Let a client ask for less than was granted; unknown scopes are ignored here too."""
        asked = self.request.payload.scope
        wanted = known_scopes(asked)
        if asked and not (wanted and set(wanted) <= set(known_scopes(token.get_scope()))):
            raise InvalidScopeError

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
