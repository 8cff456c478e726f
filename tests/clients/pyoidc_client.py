"""pyoidc, driven by lines of JSON: see `certified_client.py`, which has the steps."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from oic import rndstr
from oic.extension.client import Client as RevokingClient
from oic.oauth2.grant import Token
from oic.oauth2.message import ErrorResponse
from oic.oic import Client
from oic.oic.message import AuthorizationRequest, AuthorizationResponse, RegistrationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD

MAX_AGE_S = 600


class ErrorAnswerError(Exception):
    """The issuer answered with an error of OAuth, which is the text."""


def configured(app: Mapping[str, str]) -> Client:
    """Make a client, and have it read the issuer's description of itself."""
    client = Client(client_authn_method=CLIENT_AUTHN_METHOD)
    client.provider_config(app["issuer"])
    client.store_registration_info(
        RegistrationResponse(
            client_id=app["client_id"],
            client_secret=app["client_secret"],
            redirect_uris=[app["redirect_uri"]],
            token_endpoint_auth_method=app["auth"],
            id_token_signed_response_alg=app["alg"],
        )
    )
    return client


def revoking(client: Client) -> RevokingClient:
    """Give the same client with what it has beyond OpenID Connect, which is a class of its own."""
    other = RevokingClient(client.client_id, client_authn_method=CLIENT_AUTHN_METHOD)
    other.client_secret = client.client_secret
    other.handle_provider_config(client.provider_info, client.issuer, keys=False)
    return other


class Steps:
    """One method a step."""

    def __init__(self, app: Mapping[str, str]) -> None:
        self._client = configured(app)
        self._scope = app["scope"].split()
        # Its name for a client without a secret, which says in the body who it is.
        self._auth = "" if app["auth"] == "none" else app["auth"]
        self._asked = AuthorizationRequest()
        self._verifier = ""

    def link(self) -> str:
        challenge, self._verifier = self._client.add_code_challenge()
        asked = {
            "response_type": "code",
            "scope": self._scope,
            "redirect_uri": self._client.registration_response["redirect_uris"][0],
            "state": rndstr(32),
            "nonce": rndstr(32),
            "max_age": MAX_AGE_S,
            **challenge,
        }
        uri, _, _, self._asked = self._client.authorization_request_info(request_args=asked)
        return str(uri)

    def come_back(self, uri: str) -> dict[str, Any]:
        given(
            self._client.parse_response(
                AuthorizationResponse, info=urlsplit(uri).query, sformat="urlencoded"
            )
        )
        # It looks the code up by the state of the request.
        answer = given(
            self._client.do_access_token_request(
                state=self._state,
                request_args={"code_verifier": self._verifier},
                authn_method=self._auth,
                algs=self._client.sign_enc_algs("id_token"),
            )
        )
        self._client.verify_id_token(answer["id_token"], self._asked)
        claims = answer["id_token"].to_dict()
        return {**answer.to_dict(), "id_token": answer["id_token_jwt"], "claims": claims}

    def userinfo(self) -> dict[str, Any]:
        answer = given(self._client.do_user_info_request(method="GET", state=self._state))
        return dict(answer.to_dict())

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        token = Token({"refresh_token": refresh_token, "scope": self._scope})
        answer = self._client.do_access_token_refresh(
            state=self._state, token=token, authn_method=self._auth
        )
        return dict(given(answer).to_dict())

    def revoke(self, token: str) -> None:
        answer = revoking(self._client).do_token_revocation(
            request_args={"token": token}, authn_method=self._auth
        )
        given(answer)

    @property
    def _state(self) -> str:
        return str(self._asked["state"])


def given(answer: Any) -> Any:
    if isinstance(answer, ErrorResponse):
        raise ErrorAnswerError(answer["error"])
    return answer


def main() -> None:
    steps = Steps(json.loads(sys.argv[1]))
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
