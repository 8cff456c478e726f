"""Signing up, logging in and acting, through the edge of the whole system."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.local.operator_file import read_operator
from tests.e2e.acting import eventually
from tests.e2e.conftest import Mesh, python_path, start, stop
from tests.e2e.operators import operate
from tests.identity.browser import Browser
from tests.identity.world import PASSWORD, REDIRECT

WITHIN_S = 30
_handles = itertools.count()


def command(mesh: Mesh, *words: str, checkout: Path | None = None) -> str:
    """Run `python -m services ...` as an operator would, of `checkout`; give what it printed."""
    if checkout is None:
        return operate(mesh, *words)
    ran = subprocess.run(
        [sys.executable, "-m", "services", *words, "--data-dir", str(mesh.data_dir)],
        cwd=checkout,
        env={**os.environ, **python_path(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def sign_up(mesh: Mesh, password: str = PASSWORD) -> tuple[str, int]:
    handle = f"id{os.getpid() % 10_000}_{next(_handles)}"
    body = {"handle": handle, "display_name": "Ada", "password": password}
    answer = httpx.post(f"{mesh.rest.base_url}/oauth/sign-up", json=body)
    assert answer.status_code == 200, answer.text
    return handle, int(answer.json()["user_id"])


def register(mesh: Mesh, *options: str, checkout: Path | None = None) -> dict[str, str]:
    words = ("register-app", "Birdwatch", "--redirect-uri", REDIRECT, *options)
    out = command(mesh, *words, checkout=checkout)
    return dict(line.split() for line in out.splitlines())


def with_browser(mesh: Mesh, act: Any, app: str) -> Any:
    async def run() -> Any:
        async with httpx.AsyncClient(base_url=mesh.rest.base_url) as http:
            # Without a scope: all that a user can grant.
            return await act(Browser(http, app, scope=None))

    return asyncio.run(run())


def logged_in(mesh: Mesh, handle: str, app: dict[str, str]) -> dict[str, Any]:
    async def act(browser: Browser) -> Any:
        code = await browser.code(handle)
        secret = {"client_secret": app["client_secret"]} if "client_secret" in app else {}
        made = (await browser.exchange(code, **secret)).json()
        return {**made, "code": code, "verifier": browser.verifier}

    return dict(with_browser(mesh, act, app["client_id"]))


def refresh(mesh: Mesh, token: str, app: dict[str, str]) -> httpx.Response:
    async def act(browser: Browser) -> httpx.Response:
        return await browser.refresh(token)

    answer: httpx.Response = with_browser(mesh, act, app["client_id"])
    return answer


def test_user_acts_for_themselves_and_nobody_else(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    ada, ada_id = sign_up(mesh)
    _, bob_id = sign_up(mesh)
    mine = bearer(logged_in(mesh, ada, app)["access_token"])

    made = mesh.rest.post("/v1/tweets", json={"text": "mine"}, headers=mine)
    assert made.json()["tweet"]["user_id"] == str(ada_id), made.text
    home = mesh.rest.get("/v1/timeline/home", headers=mine).json()
    assert [tweet["text"] for tweet in home["tweets"]] == ["mine"]

    theirs = mesh.rest.post("/v1/tweets", json={"user_id": bob_id, "text": "theirs"}).json()
    for answer in (
        mesh.rest.get("/v1/timeline/home", params={"user_id": bob_id}, headers=mine),
        mesh.rest.post("/v1/tweets", json={"user_id": bob_id, "text": "x"}, headers=mine),
        mesh.rest.delete(f"/v1/users/{bob_id}", headers=mine),
        mesh.rest.patch(f"/v1/users/{bob_id}", json={"display_name": "x"}, headers=mine),
        mesh.rest.post(
            "/v1/follow", json={"follower_id": bob_id, "followee_id": ada_id}, headers=mine
        ),
        mesh.rest.delete(f"/v1/tweets/{theirs['tweet_id']}", headers=mine),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, 7), answer.text
        reason = answer.json()["details"][0]["reason"]
        assert reason in {"NOT_THE_CALLER", "NOT_THE_AUTHOR"}
    made_up = {"handle": "x", "display_name": "x"}
    assert mesh.rest.post("/v1/users", json=made_up, headers=mine).status_code == 403
    assert mesh.rest.get(f"/v1/tweets/{theirs['tweet_id']}").status_code == 200
    own = mesh.rest.delete(f"/v1/tweets/{made.json()['tweet_id']}", headers=mine)
    assert own.status_code == 200, own.text


def test_deleted_user_is_logged_out_and_stays_out(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, user_id = sign_up(mesh)
    made = logged_in(mesh, handle, app)
    gone = mesh.rest.delete(f"/v1/users/{user_id}", headers=bearer(made["access_token"]))
    assert gone.status_code == 200, gone.text
    answer = refresh(mesh, made["refresh_token"], app)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    with pytest.raises(AssertionError, match="Wrong handle or password"):
        logged_in(mesh, handle, app)


def test_operators_token_is_of_the_user(mesh: Mesh) -> None:
    handle, user_id = sign_up(mesh)
    token = command(mesh, "token", "--user", handle).strip()
    made = mesh.rest.post("/v1/tweets", json={"text": "by curl"}, headers=bearer(token))
    assert made.json()["tweet"]["user_id"] == str(user_id), made.text
    narrow = command(mesh, "token", "--user", handle, "--scope", "timeline:read").strip()
    assert mesh.rest.get("/v1/timeline/home", headers=bearer(narrow)).status_code == 200
    refused = mesh.rest.post("/v1/tweets", json={"text": "x"}, headers=bearer(narrow))
    assert refused.status_code == 403
    assert "insufficient_scope" in refused.headers["www-authenticate"]


def test_keys_tokens_and_log_ins_outlive_the_issuer(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, _ = sign_up(mesh)
    made = logged_in(mesh, handle, app)
    command(mesh, "rotate-signing-key")
    command(mesh, "rotate-signing-key", "--id-tokens")

    def keys() -> Counter[str]:
        return Counter(key["alg"] for key in mesh.rest.get("/oauth/keys").json()["keys"])

    eventually(keys, Counter(ES256=2, RS256=2), WITHIN_S)
    before = mesh.rest.get("/oauth/keys").json()
    os.kill(mesh.children()["identity"], signal.SIGKILL)
    eventually(lambda: _ready(mesh), expected=True, within_s=WITHIN_S)
    assert mesh.rest.get("/oauth/keys").json() == before
    answer = refresh(mesh, made["refresh_token"], app)
    assert answer.status_code == 200, answer.text
    for token in (made["access_token"], answer.json()["access_token"]):
        assert mesh.rest.get("/v1/timeline/home", headers=bearer(token)).status_code == 200


def _ready(mesh: Mesh) -> bool:
    try:
        return mesh.rest.get("/oauth/jwks").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def test_no_secret_is_written_anywhere(mesh: Mesh) -> None:
    password = "the password of nobody else"  # noqa: S105 - of a test
    app = register(mesh)
    handle, _ = sign_up(mesh, password)
    # A person who types the password into the wrong field, and an app that logs badly.
    wrong = {"access_token": "secret-in-a-query"}
    mesh.rest.get("/v1/timeline/home", params=wrong, headers=bearer("secret-in-a-header"))

    async def act(browser: Browser) -> list[str]:
        await browser.submit(password, password)
        code = await browser.code(handle, password)
        tokens = (await browser.exchange(code, client_secret=app["client_secret"])).json()
        again = (
            await browser.refresh(tokens["refresh_token"], client_secret=app["client_secret"])
        ).json()
        await browser.exchange(code, client_secret=app["client_secret"])
        return [
            *(code, browser.verifier, tokens["access_token"], tokens["id_token"]),
            *(tokens["refresh_token"].split(".")[1], again["refresh_token"].split(".")[1]),
        ]

    secrets = [
        *with_browser(mesh, act, app["client_id"]),
        *(password, app["client_secret"], "secret-in-a-query", "secret-in-a-header"),
        read_operator(mesh.data_dir).client_secret,
    ]
    written = [path for path in mesh.data_dir.rglob("*") if path.is_file()]
    assert any(path.name == "denials.log" for path in written)
    for path in (*written, mesh.data_dir.parent / "up.log"):
        content = path.read_bytes()
        for secret in secrets:
            if path.name in {"operator.json", "operator.secret"} and secret == secrets[-1]:
                continue
            assert secret.encode() not in content, f"{path} holds {secret}"
    private = ["operator.json", "identity.key"]
    private += [] if mesh.engine.emulators else ["identity.db", "identity.db-wal"]
    for name in private:
        assert (mesh.data_dir / name).stat().st_mode & 0o077 == 0, name


def test_everything_is_in_the_audit_log_which_verifies(mesh: Mesh) -> None:
    handle, user_id = sign_up(mesh)
    token = command(mesh, "token", "--user", handle, "--scope", "timeline:read").strip()
    assert mesh.rest.post("/v1/tweets", json={"text": "x"}, headers=bearer(token)).is_error

    def events() -> set[tuple[str, object]]:
        lines = "".join(path.read_text() for path in (mesh.data_dir / "audit").glob("*.log"))
        entries = [json.loads(line) for line in lines.splitlines()]
        return {(one["event"], str(one["facts"].get("user_id", one["facts"].get("user"))))
                for one in entries}  # fmt: skip

    wanted = {
        ("signup.completed", str(user_id)),
        ("token.issued", str(user_id)),
        ("edge.denied", str(user_id)),
    }
    eventually(lambda: wanted <= events(), expected=True, within_s=WITHIN_S)
    assert "identity: " in command(mesh, "audit", "verify")


def test_public_reads_are_a_setting(tmp_path: Path) -> None:
    mesh = start(tmp_path / "data", AVIARY_PUBLIC_READS="on")
    try:
        url = str(mesh.rest.base_url)
        _, user_id = sign_up(mesh)
        assert httpx.get(f"{url}/v1/users/{user_id}").status_code == 200
        assert httpx.get(f"{url}/v1/timeline/home").status_code == 401
        # A token is asked for its scope all the same.
        token = command(mesh, "token", "--scope", "tweets:read").strip()
        weak = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/v1/users/{user_id}", headers=weak).status_code == 403
    finally:
        assert stop(mesh) == 0
