"""Access tokens as an issuer, or somebody who would like to be one, may make them."""

import base64
import hmac
import json
import time
import warnings
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ISSUER = "https://issuer.test"
AUDIENCE = "aviary-api"
USER = 1849274738291834880
KEYS: dict[str, RSAKey | ECKey | OKPKey] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256", "use": "sig"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed", "alg": "EdDSA", "use": "sig"}),
}


def jwks() -> dict[str, Any]:
    return dict(KeySet(list(KEYS.values())).as_dict(private=False))


def write_jwks(folder: Path) -> str:
    path = folder / "jwks.json"
    path.write_text(json.dumps(jwks()))
    return str(path)


def claims(**changes: Any) -> dict[str, Any]:
    """Valid claims with these changes; a change to None leaves the claim out."""
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(USER),
        "client_id": "app_test",
        "scope": "tweets:read tweets:write timeline:read",
        "iat": now,
        "exp": now + 300,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def token(alg: str = "RS256", *, kid: str | None = None, key: Any = None, **changes: Any) -> str:
    key = key or KEYS[alg]
    header = {"alg": alg, "typ": "at+jwt", "kid": kid or key.kid}
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    with warnings.catch_warnings():
        # RFC 9864 renames EdDSA; issuers go on using the old name, which Envoy knows.
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode(header, claims(**changes), key, registry=registry)


def with_header(**header: Any) -> str:
    """Sign a token with these in its header, whatever they are: no library would."""
    key = KEYS["RS256"]
    signed = f"{_part({'alg': 'RS256', 'kid': key.kid, **header})}.{_part(claims())}"
    private = load_pem_private_key(key.as_pem(private=True), None)
    signature = private.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


def unsigned(**changes: Any) -> str:
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims(**changes))}."


def signed_with_public_key(kid: str | None = "rsa") -> str:
    """Sign by HMAC with the published public key, which everybody knows."""
    secret = KEYS["RS256"].as_pem(private=False)
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(claims())}"
    return f"{signed}.{_encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def tampered(good: str, **changes: Any) -> str:
    header, _, signature = good.split(".")
    return f"{header}.{_part(claims(**changes))}.{signature}"


def _part(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
