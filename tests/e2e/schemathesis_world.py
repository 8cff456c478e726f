"""Who calls in the tests of schemathesis: users with tweets and followers, and their tokens."""

import itertools
import math
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from services.identity.operator_client import HANDLE_TOKEN_TYPE, OPERATOR_CLIENT_ID
from services.local.operator_file import fetch_token, read_operator
from tests.identity.browser import hidden_fields
from tests.identity.world import PASSWORD

__all__ = [
    "EDGE_VARIABLE",
    "FOLDER_VARIABLE",
    "PASSWORD",
    "REDIRECT",
    "TWEET_ID",
    "USER_ID",
    "World",
    "with_kinds_of_ids",
]

EDGE_VARIABLE: Final = "AVIARY_TEST_EDGE"
FOLDER_VARIABLE: Final = "AVIARY_TEST_DATA_DIR"
TIMEOUT_S = 30.0
REDIRECT: Final = "https://app.example/back"
VERIFIER: Final = "v" * 43
USER_ID, TWEET_ID = "user-id", "tweet-id"
# More than one page of the smallest size that drawn limits have.
TWEETS_EACH = 3
# They live for longer.
TOKEN_AGE_S = 120.0


class World:
    """Users that stay, and others that are made to be deleted."""

    def __init__(self, edge: str, data_dir: Path) -> None:
        self._http = httpx.Client(base_url=edge, timeout=TIMEOUT_S)
        self._data_dir = data_dir
        self._operator = read_operator(data_dir)
        # No two worlds on one data folder have a handle in common.
        self._handles = (f"s{secrets.token_hex(3)}{number}" for number in itertools.count())
        self._tokens: dict[tuple[str | None, str], tuple[float, str]] = {}
        self.handles: dict[str, str] = {}
        """Of users that are there, by id."""
        self.cursors: dict[str, str] = {}
        """Whose list each cursor is of."""
        self.reader = self.sign_up()
        """Who calls, where the request names nobody."""
        self.others = [self.sign_up(), self.sign_up()]
        self.tweets = [
            self.post(user) for user in [self.reader, *self.others] for _ in range(TWEETS_EACH)
        ]
        for follower, followee in itertools.permutations([self.reader, *self.others], 2):
            self._call("/v1/follow", follower, "follows:write", {"followee_id": followee})

        self.app = self._registered_app()
        """Its `client_id`; it has no secret."""
        self.person = self._with_password()
        """Handle of a user who can log in."""

    @classmethod
    def from_environment(cls) -> "World":
        """Make one at the edge that the variables name."""
        return cls(os.environ[EDGE_VARIABLE], Path(os.environ[FOLDER_VARIABLE]))

    def sign_up(self) -> str:
        """Make a user; gives the id."""
        handle = next(self._handles)
        body = {"handle": handle, "display_name": handle}
        answer = self._http.post("/v1/users", json=body, headers=self.app_token("users:create"))
        user_id: str = answer.raise_for_status().json()["user"]["user_id"]
        self.handles[user_id] = handle
        return user_id

    def forget(self, user_id: str) -> None:
        """Go on without a user who is deleted."""
        self.handles.pop(user_id, None)
        if user_id == self.reader:
            self.reader = self.sign_up()

    def post(self, user_id: str) -> str:
        """Make a tweet; gives the id."""
        body = {"text": secrets.token_hex(8)}
        tweet_id: str = self._call("/v1/tweets", user_id, "tweets:write", body).json()["tweet_id"]
        return tweet_id

    def page(self) -> tuple[dict[str, str], str]:
        """Open the log-in page; gives what its form hides, and the cookie that goes with it."""
        asked = {
            "response_type": "code",
            "client_id": self.app,
            "redirect_uri": REDIRECT,
            "code_challenge": create_s256_code_challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        # Without the jar of a client, which would keep the cookies of all pages.
        page = httpx.get(self._http.base_url.join("/oauth/authorize"), params=asked)
        hidden = hidden_fields(page.raise_for_status().text)
        return hidden, "; ".join(f"{name}={value}" for name, value in page.cookies.items())

    def grant(self, kind: str) -> dict[str, str]:
        """Make what is exchanged for a token; gives the fields of the form."""
        by_code = {"client_id": self.app, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        if kind == "authorization_code":
            return {**by_code, "code": self._code()}
        if kind == "refresh_token":
            form = {**by_code, "grant_type": "authorization_code", "code": self._code()}
            made = self._http.post("/oauth/token", data=form).raise_for_status().json()
            return {"client_id": self.app, "refresh_token": made["refresh_token"]}
        # Token exchange is for operators, who have a secret.
        known = {"client_id": OPERATOR_CLIENT_ID, "client_secret": self._operator.client_secret}
        of_a_user = {"subject_token": self.person, "subject_token_type": HANDLE_TOKEN_TYPE}
        return {**known, **of_a_user}

    def _code(self) -> str:
        hidden, cookie = self.page()
        form = {**hidden, "handle": self.person, "password": PASSWORD, "decision": "allow"}
        url = self._http.base_url.join("/oauth/log-in")
        answer = httpx.post(url, data=form, headers={"cookie": cookie}, timeout=TIMEOUT_S)
        return httpx.URL(answer.headers["location"]).params["code"]

    def _registered_app(self) -> str:
        command = ["services", "register-app", "--public", "--redirect-uri", REDIRECT, "api"]
        said = subprocess.run(
            [sys.executable, "-m", *command, "--data-dir", str(self._data_dir)],
            capture_output=True,
            text=True,
            check=True,
        )
        return said.stdout.split()[1]

    def _with_password(self) -> str:
        handle = next(self._handles)
        body = {"handle": handle, "display_name": handle, "password": PASSWORD}
        self._http.post("/oauth/sign-up", json=body).raise_for_status()
        return handle

    def user_token(self, user_id: str, scope: str) -> dict[str, str]:
        """Give the header with a user's token that carries one scope."""
        return self._token(self.handles[user_id], scope)

    def app_token(self, scope: str) -> dict[str, str]:
        """Give the header with the token of an app's own that carries one scope."""
        return self._token(None, scope)

    def _token(self, handle: str | None, scope: str) -> dict[str, str]:
        got_s, token = self._tokens.get((handle, scope), (-math.inf, ""))
        if time.monotonic() - got_s > TOKEN_AGE_S:
            token = fetch_token(self._operator, handle=handle, scope=scope)
            self._tokens[handle, scope] = (time.monotonic(), token)
        return {"Authorization": f"Bearer {token}"}

    def _call(self, path: str, user_id: str, scope: str, body: dict[str, str]) -> httpx.Response:
        headers = self.user_token(user_id, scope)
        return self._http.post(path, json=body, headers=headers).raise_for_status()


def with_kinds_of_ids(schema: Any, name: str = "") -> None:
    """Say in a document, all through, whose ids those are that it calls `int64` alone.

    Names of fields say so: `followee_ids`, `quote_tweet_id`.
    """
    if isinstance(schema, list):
        for each in schema:
            with_kinds_of_ids(each, name)
    elif isinstance(schema, dict):
        if schema.get("format") == "int64" and "_id" in name:
            schema["format"] = TWEET_ID if "tweet" in name else USER_ID
        for key, value in schema.items():
            # A parameter has its name beside its schema, a property as its key, items none.
            inner = schema.get("name", name) if key == "schema" else key
            with_kinds_of_ids(value, name if key == "items" else inner)
