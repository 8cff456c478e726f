"""Apps: how they are registered."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from services.identity.keys import ALGORITHM, RSA_ALGORITHM
from services.identity.model import Client, digest, new_secret
from services.identity.operator_client import OPERATOR_CLIENT_ID, TOKEN_EXCHANGE
from services.identity.scopes import OWN_SCOPES, USER_SCOPES
from services.identity.store import IdentityStore
from services.platform.audit.port import APP_REGISTERED, Audit
from services.platform.errors import InvalidArgumentError
from services.platform.runtime.clock import Clock
from services.platform.text.handles import validate_name

__all__ = ["ID_TOKEN_ALGORITHMS", "READ_SCOPES", "WEB_CLIENT_ID", "Clients", "Registered"]

ID_BYTES: Final = 8
"""An id must be unique, not secret."""
WEB_CLIENT_ID: Final = "aviary-web"
"""The web client that the edge serves, which knows itself by this id (`web/js/session.js`)."""
USER_GRANTS: Final = ("authorization_code", "refresh_token")
MAX_NAME_CHARS: Final = 50
ANSWERS: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
"""What we add to a redirect URI's query. One that has such a name of its own would have it twice,
and its app would read the first."""
URI: Final = re.compile(r"[\w:/?@!$&'()*+,;=.~%\[\]-]+", re.ASCII)
"""The characters of RFC 3986 without `#`, which begins a fragment: a redirect URI has none (RFC
6749, 3.1.2)."""
AUTHORITY: Final = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])?(:[0-9]+)?", re.ASCII)
"""A host and a port. The log-in page's policy names them, and `;` would begin a directive there: an
app could let others frame the page. What is before an `@` would pass for the host."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
ID_TOKEN_ALGORITHMS: Final = (RSA_ALGORITHM, ALGORITHM)
"""What an app may have its ID tokens signed by. First what it has where it says nothing, as OpenID
Connect Registration, 2, has it: a client that was told nothing expects that."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What the app's developer is shown, once."""

    client_id: str
    client_secret: str | None


class Clients:
    """The apps that the issuer knows."""

    def __init__(self, store: IdentityStore, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def register(
        self,
        name: str,
        redirect_uris: Sequence[str] = (),
        *,
        public: bool = False,
        id_token_alg: str = ID_TOKEN_ALGORITHMS[0],
    ) -> Registered:
        """Make an app known; `InvalidArgumentError` for a bad name, redirect URI or algorithm.

        With redirect URIs it can send users to log in; a confidential app, which has a secret, can
        also have tokens of its own, which read what is public.
        """
        name = validate_name("name", name, most=MAX_NAME_CHARS)
        for uri in redirect_uris:
            _check_redirect_uri(uri)
        if public and not redirect_uris:
            raise InvalidArgumentError("redirect_uri", "a public app can only send users to log in")
        if id_token_alg not in ID_TOKEN_ALGORITHMS:
            raise InvalidArgumentError("id_token_alg", f"must be of {list(ID_TOKEN_ALGORITHMS)}")
        grants = USER_GRANTS if redirect_uris else ()
        secret = None if public else new_secret()
        # Never all digits, so that no app's subject reads as a user's id.
        client_id = f"app_{secrets.token_hex(ID_BYTES)}"
        client = Client(
            name=name,
            secret_digest=None if secret is None else digest(secret),
            redirect_uris=tuple(redirect_uris),
            grants=(*grants, *([] if public else ["client_credentials"])),
            user_scopes=tuple(USER_SCOPES) if redirect_uris else (),
            own_scopes=() if public else READ_SCOPES,
            created_at_ms=self._clock.now_ms(),
            id_token_alg=id_token_alg,
        )
        await self._store.clients.put(client_id, client)
        self._audit.record(APP_REGISTERED, client_id=client_id, name=client.name, public=public)
        return Registered(client_id, secret)

    async def ensure_operator(self, secret: str) -> None:
        """Make the operator's client known with this secret, and good for all that there is."""
        before = await self._store.clients.get(OPERATOR_CLIENT_ID)
        client = Client(
            name="Operator",
            secret_digest=digest(secret),
            redirect_uris=(),
            grants=("client_credentials", TOKEN_EXCHANGE),
            user_scopes=tuple(USER_SCOPES),
            own_scopes=(*(scope for scope in USER_SCOPES if scope != "openid"), *OWN_SCOPES),
            created_at_ms=self._clock.now_ms() if before is None else before.created_at_ms,
        )
        if before is not None and before.secret_digest == client.secret_digest:
            # Replaced where a release before had fewer scopes; one that comes later adds some, and
            # processes of both may start.
            known = {*before.user_scopes, *before.own_scopes}
            if known.issuperset((*client.user_scopes, *client.own_scopes)):
                return
        await self._store.clients.put(OPERATOR_CLIENT_ID, client)
        self._audit.record(
            APP_REGISTERED, client_id=OPERATOR_CLIENT_ID, name=client.name, public=False
        )

    async def ensure_web(self, redirect_uris: Sequence[str]) -> None:
        """Make the web client known, a public app whose users are sent back to these.

        Raises `InvalidArgumentError` for a bad redirect URI.
        """
        for uri in redirect_uris:
            _check_redirect_uri(uri)
        before = await self._store.clients.get(WEB_CLIENT_ID)
        client = Client(
            name="Aviary",
            secret_digest=None,
            redirect_uris=tuple(redirect_uris),
            grants=USER_GRANTS,
            user_scopes=tuple(USER_SCOPES),
            own_scopes=(),
            created_at_ms=self._clock.now_ms() if before is None else before.created_at_ms,
        )
        if (
            before is not None
            and before.redirect_uris == client.redirect_uris
            # As the operator's: a release that comes later adds scopes.
            and set(before.user_scopes).issuperset(client.user_scopes)
        ):
            return
        await self._store.clients.put(WEB_CLIENT_ID, client)
        self._audit.record(APP_REGISTERED, client_id=WEB_CLIENT_ID, name=client.name, public=True)


READ_SCOPES: Final = ("tweets:read", "users:read", "follows:read", "likes:read", "timeline:read")
"""What an app may read in its own name: what clients without a token may. A user's home and likes
are not among it in effect: they ask for a user besides the scope."""


def _check_redirect_uri(uri: str) -> None:
    """Take https, http to this very machine (native apps, RFC 8252), and private schemes."""
    try:
        split = urlsplit(uri)
        host, _ = split.hostname, split.port  # which raise where they cannot be ones
    except ValueError as error:
        raise InvalidArgumentError("redirect_uri", f"{uri} is not a URI") from error
    private = "." in split.scheme
    fits = private or (
        bool(host) and (split.scheme == "https" or (split.scheme == "http" and host in LOOPBACK))
    )
    plain = URI.fullmatch(uri) and AUTHORITY.fullmatch(split.netloc)
    if not fits or not plain:
        raise InvalidArgumentError(
            "redirect_uri", f"{uri}: must be https, http to loopback, or a private scheme like a.b:"
        )
    if taken := ANSWERS & {name for name, _ in parse_qsl(split.query, keep_blank_values=True)}:
        raise InvalidArgumentError(
            "redirect_uri", f"{uri}: its query has {min(taken)}, which is added to it"
        )
