"""Apps' keys, ended sessions, another password: through the edge of the whole system."""

import httpx

from tests.e2e.acting import eventually
from tests.e2e.conftest import Mesh
from tests.e2e.test_identity import bearer, command, logged_in, refresh, register, sign_up
from tests.identity.world import PASSWORD

HOME = "/v1/timeline/home"
WITHIN_S = 30
NEW_PASSWORD = "another horse battery"  # noqa: S105 - of a test


def printed(mesh: Mesh, *words: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in command(mesh, *words).splitlines())


def status(mesh: Mesh, token: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{mesh.rest.base_url}{HOME}", headers={**bearer(token), **named}).status_code


def ended(mesh: Mesh, token: str) -> None:
    eventually(lambda: status(mesh, token), expected=401, within_s=WITHIN_S)


def test_api_key_from_its_making_to_its_revocation(mesh: Mesh) -> None:
    app, other = register(mesh, "--public"), register(mesh, "--public")
    handle, _ = sign_up(mesh)
    token = logged_in(mesh, handle, app)["access_token"]
    made = printed(mesh, "app-key", "make", app["client_id"])
    second = printed(mesh, "app-key", "make", app["client_id"])
    others = printed(mesh, "app-key", "make", other["client_id"])
    assert status(mesh, token, x_api_key=made["api_key"]) == 200
    assert status(mesh, token, x_api_key=others["api_key"]) == 403
    assert status(mesh, token, x_api_key="nonsense") == 401
    assert httpx.get(f"{mesh.rest.base_url}{HOME}", headers={"x-api-key": made["api_key"]}).json()[
        "message"
    ] == ("an API key speaks for no user: send a token too")
    command(mesh, "app-key", "revoke", made["key_id"])
    eventually(
        lambda: status(mesh, token, x_api_key=made["api_key"]), expected=401, within_s=WITHIN_S
    )
    assert status(mesh, token, x_api_key=second["api_key"]) == 200
    lines = command(mesh, "app-key", "list", app["client_id"]).splitlines()
    listed = {line.split()[0]: "revoked" in line for line in lines}
    assert listed == {made["key_id"]: True, second["key_id"]: False}
    written = (mesh.data_dir / "audit" / "operator.log").read_text()
    assert {event in written for event in ("app_key.made", "app_key.revoked")} == {True}
    for path in (path for path in mesh.data_dir.rglob("*") if path.is_file()):
        assert made["api_key"].encode() not in path.read_bytes(), path


def test_log_out_ends_the_access_token(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, _ = sign_up(mesh)
    made = logged_in(mesh, handle, app)
    assert status(mesh, made["access_token"]) == 200
    form = {"token": made["refresh_token"], "client_id": app["client_id"]}
    assert httpx.post(f"{mesh.rest.base_url}/oauth/revoke", data=form).status_code == 200
    ended(mesh, made["access_token"])
    assert refresh(mesh, made["refresh_token"], app).json()["error"] == "invalid_grant"
    assert status(mesh, logged_in(mesh, handle, app)["access_token"]) == 200


def test_deleted_users_tokens_end_the_operators_too(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, user_id = sign_up(mesh)
    made = logged_in(mesh, handle, app)
    acting = command(mesh, "token", "--user", handle).strip()
    gone = mesh.rest.delete(f"/v1/users/{user_id}", headers=bearer(made["access_token"]))
    assert gone.status_code == 200, gone.text
    for token in (made["access_token"], acting):
        ended(mesh, token)


def test_user_changes_the_password_and_says_who_they_are(mesh: Mesh) -> None:
    url = str(mesh.rest.base_url)
    app = register(mesh, "--public")
    handle, user_id = sign_up(mesh)
    mine, other = logged_in(mesh, handle, app), logged_in(mesh, handle, app)
    headers = bearer(mine["access_token"])
    discovered = httpx.get(f"{url}/.well-known/openid-configuration").json()
    asked = httpx.get(discovered["userinfo_endpoint"], headers=headers)
    assert asked.json() == {"sub": str(user_id), "preferred_username": handle}
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = httpx.post(f"{url}/oauth/password", json=body, headers=headers)
    assert (changed.status_code, changed.json()) == (200, {"sessions_ended": 1})
    ended(mesh, other["access_token"])
    assert refresh(mesh, other["refresh_token"], app).json()["error"] == "invalid_grant"
    assert status(mesh, mine["access_token"]) == 200
    assert refresh(mesh, mine["refresh_token"], app).status_code == 200
