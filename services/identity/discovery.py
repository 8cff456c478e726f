"""What the issuer says of itself: OpenID Connect Discovery, 3, and RFC 8414, 2."""

from collections.abc import Mapping
from typing import Any

from services.identity.grants import ANY_CLIENT, PROMPTS
from services.identity.oauth_clients import ID_TOKEN_ALGORITHMS
from services.identity.operator_client import TOKEN_EXCHANGE
from services.identity.scopes import USER_SCOPES

__all__ = ["discovery"]

CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "at_hash"),
    "preferred_username",
)
"""All that an ID token says, and userinfo."""


def discovery(issuer: str) -> Mapping[str, Any]:
    """Describe the issuer. What is left out is what its absence means, or not to be had."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/keys",
        "scopes_supported": list(USER_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            *("authorization_code", "refresh_token", "client_credentials"),
            TOKEN_EXCHANGE,
        ],
        "prompt_values_supported": list(PROMPTS),
        "token_endpoint_auth_methods_supported": list(ANY_CLIENT),
        "revocation_endpoint_auth_methods_supported": list(ANY_CLIENT),
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "subject_types_supported": ["public"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        # Left out, it would be true.
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }
