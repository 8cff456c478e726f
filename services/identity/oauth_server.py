"""The authorization server: authlib's core between our HTTP listener and our stores."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.util import extract_basic_authorization

from services.identity import grants
from services.identity.access_tokens import AccessTokenGenerator, AccessTokenValidator
from services.identity.id_tokens import IdTokens
from services.identity.keys import Keyrings
from services.identity.model import Code
from services.identity.oauth_models import OAuthClient, OAuthUser
from services.identity.oauth_requests import Answer, Call, WrappedCall
from services.identity.ports import Account, UserDirectory
from services.identity.revocation import Revocation
from services.identity.sessions import Sessions
from services.identity.store import IdentityStore
from services.platform.audit.port import TOKEN_ISSUED, TOKEN_REFUSED, Audit
from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock

__all__ = ["OAuthServer"]

Result = TypeVar("Result")

STORE_TIMEOUT_S: Final = 5.0
"""For one question of authlib's to a store or a sibling, each of which bounds itself at less."""

_MS: Final = 1_000


class OAuthServer(AuthorizationServer):
    """authlib's server, which runs in threads; `token`, `revoke`, `authorize` are for the loop."""

    def __init__(  # noqa: PLR0913 - its dependencies, by name
        self,
        *,
        issuer: str,
        store: IdentityStore,
        sessions: Sessions,
        users: UserDirectory,
        keyrings: Keyrings,
        clock: Clock,
        audit: Audit,
    ) -> None:
        # No list of scopes: authlib would refuse those that it lacks.
        super().__init__()
        self.issuer = issuer
        self.keyrings = keyrings
        self.sessions = sessions
        self._store = store
        self._users = users
        self._access_tokens = AccessTokenValidator(issuer, keyrings.tokens)
        self._clock = clock
        self._audit = audit
        self._loop = asyncio.get_running_loop()
        self.register_token_generator("default", AccessTokenGenerator(issuer, keyrings.tokens))
        self.register_grant(
            grants.AuthorizationCode,
            [grants.RequestRules(), grants.Pkce(), IdTokens(self)],
        )
        for grant in (grants.Refresh, grants.ClientCredentials, grants.TokenExchange):
            self.register_grant(grant)
        self.register_endpoint(Revocation)

    # ---- For the event loop ----

    async def token(self, call: Call) -> Answer:
        """Answer the token endpoint."""
        answer: Answer = await asyncio.to_thread(self.create_token_response, call)
        if answer.status != 200 and not isinstance(answer.body, str):  # noqa: PLR2004 - HTTP's
            client_id = _client_in(call.headers) or call.parameters.get("client_id", "")
            self._audit.record(
                TOKEN_REFUSED, client_id=client_id, error=str(answer.body.get("error"))
            )
        return answer

    async def revoke(self, call: Call) -> Answer:
        """Answer the revocation endpoint."""
        answer: Answer = await asyncio.to_thread(
            self.create_endpoint_response, Revocation.ENDPOINT_NAME, call
        )
        return answer

    async def check(self, call: Call) -> tuple[OAuthClient, str]:
        """Check an authorization request; gives its client, and the scope to ask the user for.

        Raises authlib's `OAuth2Error`, which is an answer too: see `refusal`.
        """
        grant = await asyncio.to_thread(self.get_consent_grant, call)
        return grant.request.client, grant.request.scope

    async def authorize(self, call: Call, account: Account | None) -> Answer:
        """Answer an authorization request that the user has decided on; None declines."""
        user = _user(account)

        def decide() -> Answer:
            request = self.create_oauth2_request(call)
            grant = self.get_authorization_grant(request)
            grant.validate_no_multiple_request_parameter(request)
            answer: Answer = self.create_authorization_response(request, user, grant)
            return answer

        return await asyncio.to_thread(decide)

    def refusal(self, error: Any) -> Answer:  # noqa: ANN401 - an OAuth2Error
        """Answer an error that `check` raised: to the client if it is known, else to the person."""
        return self.handle_response(*error())

    # ---- For authlib and our grants, in a thread ----

    def wait(self, question: Coroutine[Any, Any, Result]) -> Result:
        """Have something done on the event loop."""
        asked = asyncio.run_coroutine_threadsafe(question, self._loop)
        try:
            return asked.result(STORE_TIMEOUT_S)
        except TimeoutError as error:
            asked.cancel()
            raise UnavailableError("the issuer's store took too long") from error

    def now_s(self) -> int:
        """Unix seconds."""
        return self._clock.now_ms() // _MS

    def access_token(self, token: str) -> Mapping[str, Any] | None:
        """Give the claims of a good access token of ours; None for any other text."""
        return self._access_tokens.claims_of(token)

    def issue_code(self, code: Code) -> str:
        """Keep what was granted, on the event loop; gives the code for it."""
        return self.wait(self.sessions.issue_code(code))

    def user_by_id(self, user_id: int) -> OAuthUser | None:
        """Find a user who is still there."""
        return _user(self.wait(self._users.by_id(user_id)))

    def user_by_handle(self, handle: str) -> OAuthUser | None:
        """Find a user who is still there."""
        return _user(self.wait(self._users.by_handle(handle)))

    def query_client(self, client_id: str) -> OAuthClient | None:
        """Find a client by id; None if nobody registered it."""
        client = self.wait(self._store.clients.get(client_id))
        return None if client is None else OAuthClient(client_id, client)

    def authenticate_client(self, request: Any, methods: list[str], endpoint: str = "token") -> Any:  # noqa: ANN401
        """Find out which client asks; it shows itself in one way (RFC 6749, 2.3)."""
        by_header = _client_in(request.headers)
        if by_header is None:
            raise InvalidClientError("The header 'Authorization' cannot be read.", status_code=401)
        form = request.form
        if by_header and ("client_secret" in form or form.get("client_id", by_header) != by_header):
            raise InvalidRequestError("The client is shown in the header and in the form.")
        return super().authenticate_client(request, methods, endpoint)

    def save_token(self, token: dict[str, Any], request: Any) -> None:  # noqa: ANN401
        """Give the client its next refresh token with the access token, if it has that grant."""
        if request.refresh_token is not None:
            held = request.refresh_token
            following = self.wait(self.sessions.rotate(held.family_id, held.record))
            if following is None:
                raise InvalidGrantError("The refresh token was used already.")
            token["refresh_token"] = following
        elif request.authorization_code is not None and request.client.check_grant_type(
            "refresh_token"
        ):
            code = request.authorization_code.record
            first = self.wait(self.sessions.begin(request.family_id, code, token["scope"]))
            if first is None:
                raise InvalidGrantError("The code was used already.")
            token["refresh_token"] = first
        self._audit.record(
            TOKEN_ISSUED,
            client_id=request.client.client_id,
            grant=str(request.payload.grant_type),
            scope=token["scope"],
            user_id=0 if request.user is None else request.user.user_id,
        )

    def create_oauth2_request(self, request: Any) -> Any:  # noqa: ANN401
        """Wrap a call as authlib wants it; a request that is wrapped already stays."""
        if isinstance(request, OAuth2Request):
            return request
        return WrappedCall(self.issuer, request)

    def get_token_grant(self, request: Any) -> Any:  # noqa: ANN401
        """Find the grant; one that is not named is missing, and not unsupported."""
        if not request.payload.grant_type:
            raise InvalidRequestError("Missing 'grant_type' in request.")
        return super().get_token_grant(request)

    def get_authorization_grant(self, request: Any) -> Any:  # noqa: ANN401
        """Find the grant; a type of response that is not named is missing, and not unsupported."""
        try:
            return super().get_authorization_grant(request)
        except UnsupportedResponseTypeError as error:
            if request.payload.response_type:
                raise
            missing = "Missing 'response_type' in request."
            raise InvalidRequestError(missing, redirect_uri=error.redirect_uri) from error

    def handle_response(
        self, status: int, body: Mapping[str, Any] | str, headers: list[tuple[str, str]]
    ) -> Answer:
        """Make an answer of what authlib decided; redirects name the issuer."""
        named = dict(headers)
        if "Location" in named:
            # RFC 9207: no other issuer can pass off answers as ours.
            named["Location"] = add_params_to_uri(named["Location"], [("iss", self.issuer)])
        return Answer(status, body, named)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def _client_in(headers: Mapping[str, str]) -> str | None:
    """Give the client of an HTTP Basic header; empty without one, None of what is no text."""
    try:
        return extract_basic_authorization(headers)[0] or ""
    except UnicodeDecodeError:
        return None


def _user(account: Account | None) -> OAuthUser | None:
    if account is None:
        return None
    return OAuthUser(account.user_id, account.handle, generation=account.generation)
