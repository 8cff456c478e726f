"""idpyoidc, driven by lines of JSON: see `certified_client.py`, which has the steps."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.exception import ResponseError
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from idpyoidc.message.oauth2 import is_error_message

REVOCATION = {"class": "idpyoidc.client.oauth2.token_revocation.TokenRevocation"}
PKCE = {
    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}
MAX_AGE_S = 600


class ErrorAnswerError(Exception):
    """The issuer answered with an error of OAuth, which is the text."""


def configured(app: Mapping[str, str]) -> StandAloneClient:
    """Make a client, and have it read the issuer's description of itself."""
    config = {
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "client_type": "oidc",
        "issuer": app["issuer"],
        "redirect_uris": [app["redirect_uri"]],
        "response_types_supported": ["code"],
        "token_endpoint_auth_method": app["auth"],
        "client_authn_methods": [app["auth"], "bearer_header"],
        "token_endpoint_auth_methods_supported": [app["auth"]],
        "id_token_signed_response_alg": app["alg"],
        "add_ons": {"pkce": PKCE},
    }
    services = {**DEFAULT_OIDC_SERVICES, "token_revocation": REVOCATION}
    client = StandAloneClient(config=config, services=services)
    client.do_provider_info()
    client.do_client_registration()
    # Told by its registration alone, it would take other algorithms too.
    client.get_context().claims.set_usage("verify_args", {"allowed_sign_alg": app["alg"]})
    return client


class Steps:
    """One method a step."""

    def __init__(self, client: StandAloneClient, app: Mapping[str, str]) -> None:
        self._client = client
        self._app = app
        self._state = ""

    def link(self) -> str:
        scope = self._app["scope"].split()
        return str(self._client.init_authorization({"scope": scope, "max_age": MAX_AGE_S}))

    def come_back(self, uri: str) -> dict[str, Any]:
        back = dict(parse_qsl(urlsplit(uri).query))
        response = given(self._client.finalize_auth(back))
        self._state = response["state"]
        tokens = self._client.get_tokens(self._state)
        return {**tokens.to_dict(), "claims": tokens["__verified_id_token"].to_dict()}

    def userinfo(self) -> dict[str, Any]:
        return dict(self._client.get_user_info(self._state).to_dict())

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        answer = self._client.do_request(
            "refresh_token",
            state=self._state,
            request_args={"refresh_token": refresh_token},
            authn_method=self._app["auth"],
        )
        return dict(given(answer).to_dict())

    def revoke(self, token: str) -> None:
        # Its name for an answer without content, which is all that RFC 7009, 2.2, has of one.
        with suppress(ResponseError):
            given(
                self._client.do_request(
                    "token_revocation",
                    request_args={"token": token},
                    authn_method=self._app["auth"],
                )
            )


def given(answer: Any) -> Any:
    if is_error_message(answer):
        raise ErrorAnswerError(answer["error"])
    return answer


def main() -> None:
    app = json.loads(sys.argv[1])
    steps = Steps(configured(app), app)
    for line in sys.stdin:
        asked = json.loads(line)
        step: Callable[..., Any] = getattr(steps, asked.pop("step"))
        try:
            said = {"gave": step(**asked)}
        except Exception as error:  # noqa: BLE001 - whatever it raises is how it refuses
            said = {"refused": {"error": str(error), "said": repr(error)}}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


main()
