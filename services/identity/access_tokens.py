"""Access tokens: made, and known again, as RFC 9068 has them."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator, JWTBearerTokenValidator
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from services.identity.keys import ALGORITHM, Keyring
from services.identity.oauth_models import OAuthClient, OAuthUser
from services.platform.tokens.issuers import EMBEDDED_AUDIENCE
from services.platform.tokens.lives import ACCESS_TOKEN_S

__all__ = ["AccessTokenGenerator", "AccessTokenValidator"]


class AccessTokenGenerator(JWTBearerTokenGenerator):
    """Makes them, signed by the key that is to sign now."""

    def __init__(self, issuer: str, keyring: Keyring) -> None:
        super().__init__(issuer, alg=ALGORITHM, expires_generator=ACCESS_TOKEN_S)
        self._keyring = keyring

    def get_jwks(self) -> KeySet:
        """Return the key, as a set: joserfc writes the `kid` of a set's key into the token."""
        return KeySet([self._keyring.signing()])

    def get_audiences(self, client: OAuthClient, user: OAuthUser | None, scope: str) -> str:  # noqa: ARG002
        """Return whom all of them are for."""
        return EMBEDDED_AUDIENCE

    def get_extra_claims(
        self,
        client: OAuthClient,  # noqa: ARG002
        grant_type: str,  # noqa: ARG002
        user: OAuthUser | None,
        scope: str,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Name who acts for the user, and the session, where there is one."""
        actor = {"act": {"sub": user.actor}} if user is not None and user.actor else {}
        session = {"sid": user.session} if user is not None and user.session else {}
        return {**actor, **session}


class AccessTokenValidator(JWTBearerTokenValidator):
    """Knows them again, by the keys that are published."""

    def __init__(self, issuer: str, keyring: Keyring) -> None:
        super().__init__(issuer, EMBEDDED_AUDIENCE)
        self._keyring = keyring

    def get_jwks(self) -> KeySet:
        """Return the public keys."""
        return KeySet([ECKey.import_key(key) for key in self._keyring.jwks()["keys"]])

    def claims_of(self, token: str) -> Mapping[str, Any] | None:
        """Give the claims of a good one; None for an expired one, and any other text."""
        try:
            claims: Any = self.authenticate_token(token)
            claims.validate()
        except (InvalidTokenError, JoseError, ValueError):
            return None
        return dict(claims)
