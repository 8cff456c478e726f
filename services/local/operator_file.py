"""The operator of one machine's Aviary: the file of their credentials, and their tokens."""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from services.identity.operator_client import HANDLE_TOKEN_TYPE, OPERATOR_CLIENT_ID, TOKEN_EXCHANGE
from services.platform.files.whole_file import write_whole
from services.platform.security.step_up import CHALLENGES, PROOF_HEADER, asked_for_proof, proof_of

__all__ = ["FILE", "Operator", "OperatorError", "fetch_token", "keep_operator", "read_operator"]

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
    write_whole(path, json.dumps(asdict(operator), indent=2).encode() + b"\n")
    return operator


def read_operator(data_dir: Path) -> Operator:
    """Read the file that the supervisor has written."""
    path = data_dir / FILE
    try:
        return _operator(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise OperatorError(
            f"there is no {path}; is `make run` using this --data-dir, or was it ever?"
        ) from error
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"{path}: {error}; is `make run` using this --data-dir, or was it ever?"
        ) from error


def _operator(document: object) -> Operator:
    # By hand: pydantic would cost more than all else that the command `token` does.
    match document:
        case {"url": str(url), "client_secret": str(secret), "environment": dict(variables)} if all(
            isinstance(value, str) for value in variables.values()
        ):
            return Operator(url, secret, variables)
    raise ValueError("is not what `up` writes")


def fetch_token(operator: Operator, *, handle: str | None = None, scope: str | None = None) -> str:
    """Ask the issuer for an access token: the user's with that handle, or the operator's own."""
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
        answer = _asked(operator, form)
        body: dict[str, Any] = json.loads(answer.content)
        # Refused with a status of its own, or in words.
        said = body.get("error_description") or body.get("error") or body.get("message")
        token = body.get("access_token")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise OperatorError(f"{operator.url} does not answer: {error}; is it running?") from error
    if answer.status != HTTPStatus.OK:
        raise OperatorError(f"{operator.url} refused: {said}")
    return str(token)


class _Answer(NamedTuple):
    status: int
    content: bytes


def _asked(operator: Operator, form: Mapping[str, str]) -> _Answer:
    """Ask the token endpoint, and once more with a proof of work where it wants one."""
    known = b64encode(f"{OPERATOR_CLIENT_ID}:{operator.client_secret}".encode()).decode()
    headers = {
        "authorization": f"Basic {known}",
        "content-type": "application/x-www-form-urlencoded",
    }
    body = urlencode(form).encode()
    answer = _post(operator.url + TOKEN_PATH, body, headers)
    flow = asked_for_proof(TOKEN_PATH, answer.status, answer.content)
    if flow is None:
        return answer
    wanted = json.dumps({"flow": flow}).encode()
    challenge = _post(operator.url + CHALLENGES, wanted, {"content-type": "application/json"})
    proof = proof_of(json.loads(challenge.content))
    return _post(operator.url + TOKEN_PATH, body, {**headers, PROOF_HEADER: proof})


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> _Answer:
    # Not by httpx, which takes longer to import than the call: this is one call of a command.
    request = Request(url, body, dict(headers))  # noqa: S310 - `up` wrote it: http or https
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return _Answer(answer.status, answer.read())
    except HTTPError as refused:
        with refused:
            return _Answer(refused.code, refused.read())
