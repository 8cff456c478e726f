"""The authorization server: authlib's core between our HTTP listener and our stores."""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc.jwk import ECKey, KeySet

from services.identity import grants
from services.identity.keys import ALGORITHM, Keyring
from services.identity.model import Code
from services.identity.oauth_models import OAuthClient, OAuthUser
from services.identity.ports import Account, UserDirectory
from services.identity.scopes import ALL_SCOPES
from services.identity.sessions import Sessions
from services.identity.store import IdentityStore
from services.platform.audit.port import TOKEN_ISSUED, TOKEN_REFUSED, Audit
from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock
from services.platform.tokens.issuers import EMBEDDED_AUDIENCE
from services.platform.tokens.lives import ACCESS_TOKEN_S

__all__ = ["Answer", "Call", "OAuthServer"]

Result = TypeVar("Result")

STORE_TIMEOUT_S: Final = 5.0
"""For one question of authlib's to a store or a sibling, each of which bounds itself at less."""

_MS: Final = 1_000
# Printable ASCII without quotation mark and backslash, as RFC 6749 has it.
_PLAIN: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the HTTP listener: parameters of the query for GET, of the form for POST.

    Each parameter is there once; where it came twice, there was no call.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer: `body` is JSON unless it is text."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str]


class OAuthServer(AuthorizationServer):
    """authlib's server, which runs in threads; `token`, `revoke`, `authorize` are for the loop."""

    def __init__(  # noqa: PLR0913 - its dependencies, by name
        self,
        *,
        issuer: str,
        store: IdentityStore,
        sessions: Sessions,
        users: UserDirectory,
        keyring: Keyring,
        clock: Clock,
        audit: Audit,
    ) -> None:
        super().__init__(scopes_supported=ALL_SCOPES)
        self.issuer = issuer
        self.sessions = sessions
        self._store = store
        self._users = users
        self._keyring = keyring
        self._clock = clock
        self._audit = audit
        self._loop = asyncio.get_running_loop()
        self.register_token_generator("default", _AccessTokens(self))
        self.register_grant(
            grants.AuthorizationCode,
            [grants.Pkce(), grants.IdTokens(self), grants.NothingUnsupported()],
        )
        for grant in (grants.Refresh, grants.ClientCredentials, grants.TokenExchange):
            self.register_grant(grant)
        self.register_endpoint(grants.Revocation)

    # ---- For the event loop ----

    async def token(self, call: Call) -> Answer:
        """Answer the token endpoint."""
        answer: Answer = await asyncio.to_thread(self.create_token_response, call)
        if answer.status != 200 and not isinstance(answer.body, str):  # noqa: PLR2004 - HTTP's
            by_header, _ = extract_basic_authorization(call.headers)
            client_id = by_header or call.parameters.get("client_id", "")
            self._audit.record(
                TOKEN_REFUSED, client_id=client_id, error=str(answer.body.get("error"))
            )
        return answer

    async def revoke(self, call: Call) -> Answer:
        """Answer the revocation endpoint."""
        answer: Answer = await asyncio.to_thread(
            self.create_endpoint_response, grants.Revocation.ENDPOINT_NAME, call
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

    def signing_key(self) -> ECKey:
        """Return the key that signs tokens now."""
        return self._keyring.signing()

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
        by_header, _ = extract_basic_authorization(request.headers)
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
        for name, value in request.parameters.items():
            # authlib breaks on the characters that an error description may not repeat.
            if not _PLAIN.fullmatch(name + value):
                raise InvalidRequestError("A parameter has characters it cannot.")
        return _Request(self.issuer, request)

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


class _AccessTokens(JWTBearerTokenGenerator):
    """JWTs as RFC 9068 has them."""

    def __init__(self, server: OAuthServer) -> None:
        super().__init__(server.issuer, alg=ALGORITHM, expires_generator=ACCESS_TOKEN_S)
        self._server = server

    def get_jwks(self) -> KeySet:
        # A set, for joserfc writes the `kid` of a set's key into the token.
        return KeySet([self._server.signing_key()])

    def get_audiences(self, client: OAuthClient, user: OAuthUser | None, scope: str) -> str:  # noqa: ARG002
        return EMBEDDED_AUDIENCE

    def get_extra_claims(
        self,
        client: OAuthClient,  # noqa: ARG002
        grant_type: str,  # noqa: ARG002
        user: OAuthUser | None,
        scope: str,  # noqa: ARG002
    ) -> dict[str, Any]:
        actor = {"act": {"sub": user.actor}} if user is not None and user.actor else {}
        session = {"sid": user.session} if user is not None and user.session else {}
        return {**actor, **session}


class _Request(OAuth2Request):
    """A call as authlib sees it."""

    def __init__(self, issuer: str, call: Call) -> None:
        super().__init__(call.method, f"{issuer}{call.path}", headers=call.headers)
        self.payload = _Payload(call.parameters)
        self.family_id = ""

    @property
    def args(self) -> Mapping[str, str]:
        return self.payload.data if self.method == "GET" else {}

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data if self.method == "POST" else {}


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    @property
    def data(self) -> Mapping[str, str]:
        return self._parameters

    @property
    def datalist(self) -> Mapping[str, list[str]]:
        return {name: [value] for name, value in self._parameters.items()}


def _user(account: Account | None) -> OAuthUser | None:
    if account is None:
        return None
    return OAuthUser(account.user_id, account.handle, generation=account.generation)
