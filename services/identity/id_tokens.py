"""ID tokens of OpenID Connect: made next to access tokens, and known again as hints."""

from typing import Any, Final, Protocol

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.identity.keys import ALGORITHM, RSA_ALGORITHM, Keyrings
from services.identity.oauth_models import OAuthClient, OAuthUser
from services.platform.rpc.end_user import user_id_of
from services.platform.tokens.lives import ACCESS_TOKEN_S

__all__ = ["IdTokens", "hinted_user"]

ID_TOKEN_S: Final = ACCESS_TOKEN_S
"""An app reads it once, as it gets it. No longer than what the same key signs besides, or a key
would be gone from the published ones before it."""


class IdTokensServer(Protocol):
    """What they ask of the server."""

    @property
    def issuer(self) -> str:
        """Return the `iss` of its tokens."""
        ...

    @property
    def keyrings(self) -> Keyrings:
        """Return what it signs with."""
        ...

    def now_s(self) -> int:
        """Unix seconds."""
        ...


class IdTokens(OpenIDCode):
    """Makes them, signed by what the app registered for."""

    def __init__(self, server: IdTokensServer) -> None:
        super().__init__(require_nonce=False)
        self._server = server

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ANN401, ARG002
        """Leave replays to the client, which made the nonce: codes are good once."""
        return False

    def resolve_client_private_key(self, client: OAuthClient) -> KeySet:
        """Return the key, as a set: joserfc writes the `kid` of a set's key into the token."""
        keyring = self._server.keyrings.of_id_tokens(client.record.id_token_alg)
        return KeySet([keyring.signing()])

    def get_client_algorithm(self, client: OAuthClient) -> str:
        """Return what the client registered for."""
        return client.record.id_token_alg

    def get_encode_header(self, client: OAuthClient) -> dict[str, str]:
        """Name the algorithm in the header of an ID token."""
        return {"alg": client.record.id_token_alg}

    def get_client_claims(self, client: OAuthClient) -> dict[str, Any]:
        """Say by whom and for which client an ID token is, and for how long."""
        now_s = self._server.now_s()
        return {
            "iss": self._server.issuer,
            "aud": client.client_id,
            "iat": now_s,
            "exp": now_s + ID_TOKEN_S,
        }

    def generate_user_info(self, user: OAuthUser, scope: str) -> UserInfo:  # noqa: ARG002
        """Say who the user is: id and handle, whatever the scope."""
        return UserInfo(sub=str(user.user_id), preferred_username=user.handle)


def hinted_user(hint: str, server: IdTokensServer) -> int:
    """Give the user of an ID token of ours, expired or not.

    Raises `InvalidRequestError` for any other text, an access token too.
    """
    keys = KeySet.import_key_set(server.keyrings.jwks())  # type: ignore[arg-type]
    try:
        token = jwt.decode(hint, keys, algorithms=[ALGORITHM, RSA_ALGORITHM])
        user_id = user_id_of(str(token.claims.get("sub")))
    except (JoseError, ValueError):
        user_id = 0
    else:
        if token.header.get("typ") != "JWT" or token.claims.get("iss") != server.issuer:
            user_id = 0
    if not user_id:
        raise InvalidRequestError("'id_token_hint' is no ID token of this issuer.")
    return user_id
