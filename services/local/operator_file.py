"""The operator of one machine's Aviary: the file of their credentials, and their tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.identity.operator_client import HANDLE_TOKEN_TYPE, OPERATOR_CLIENT_ID, TOKEN_EXCHANGE
from services.platform.files.documents import json_of, parse_json
from services.platform.files.whole_file import write_whole
from services.platform.security.step_up import CHALLENGES, PROOF_HEADER, asked_for_proof, proof_of

if TYPE_CHECKING:
    import httpx

__all__ = [
    "FILE",
    "Operator",
    "OperatorError",
    "fetch_token",
    "keep_operator",
    "read_operator",
]

FILE: Final = "operator.json"
SECRET_BYTES: Final = 32
TIMEOUT_S: Final = 10.0
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path


class OperatorError(Exception):
    """There is no token to be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Where Aviary is, and the secret of its operator's client."""

    url: str
    client_secret: str = field(repr=False)
    environment: Mapping[str, str]
    """Variables that lead services to their stores, for commands that open them too."""


def keep_operator(data_dir: Path, url: str, environment: Mapping[str, str]) -> Operator:
    """Write the file, with the secret that it had, or a new one."""
    path = data_dir / FILE
    try:
        secret = read_operator(data_dir).client_secret
    except OperatorError:
        secret = secrets.token_hex(SECRET_BYTES)
    operator = Operator(url, secret, dict(environment))
    write_whole(path, json_of(operator))
    return operator


def read_operator(data_dir: Path) -> Operator:
    """Read the file that the supervisor has written."""
    path = data_dir / FILE
    try:
        return parse_json(Operator, path.read_bytes())
    except FileNotFoundError as error:
        raise OperatorError(
            f"there is no {path}; is `make run` using this --data-dir, or was it ever?"
        ) from error
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"{path}: {error}; is `make run` using this --data-dir, or was it ever?"
        ) from error


def fetch_token(operator: Operator, *, handle: str | None = None, scope: str | None = None) -> str:
    """Ask the issuer for an access token: the user's with that handle, or the operator's own."""
    # `up` writes the file, and asks for no token.
    import httpx  # noqa: PLC0415

    form: dict[str, str] = {"grant_type": "client_credentials"}
    if handle is not None:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": handle,
            "subject_token_type": HANDLE_TOKEN_TYPE,
        }
    if scope is not None:
        form["scope"] = scope
    try:
        with httpx.Client(base_url=operator.url, timeout=TIMEOUT_S) as http:
            answer = _asked(http, form, (OPERATOR_CLIENT_ID, operator.client_secret))
        body: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise OperatorError(f"{operator.url} does not answer: {error}; is it running?") from error
    if answer.status_code != httpx.codes.OK:
        said = body.get("error_description") or body.get("error") or body.get("message")
        raise OperatorError(f"{operator.url} refused: {said}")
    return str(body["access_token"])


def _asked(
    http: "httpx.Client", form: Mapping[str, str], auth: tuple[str, str]
) -> "httpx.Response":
    """Ask the token endpoint, and once more with a proof of work where it wants one."""
    answer = http.post(TOKEN_PATH, data=form, auth=auth)
    flow = asked_for_proof(TOKEN_PATH, answer.status_code, answer.content)
    if flow is None:
        return answer
    challenge = http.post(CHALLENGES, json={"flow": flow}).raise_for_status().json()
    return http.post(TOKEN_PATH, data=form, auth=auth, headers={PROOF_HEADER: proof_of(challenge)})
