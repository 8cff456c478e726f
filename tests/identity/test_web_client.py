"""The web client, which the issuer knows where a setting says where it is."""

import re
from pathlib import Path

import pytest

from services.identity.apps import Apps
from services.identity.oauth_clients import WEB_CLIENT_ID
from services.identity.scopes import USER_SCOPES
from services.platform.errors import InvalidArgumentError
from tests.identity.browser import Browser, sign_up
from tests.identity.oauth_steps import refused
from tests.identity.world import World

ROOT = Path(__file__).resolve().parents[2]
HERE = "http://127.0.0.1:8080/callback"


def said_by_the_client(pattern: str) -> str:
    found = re.search(pattern, (ROOT / "web" / "js" / "session.js").read_text())
    assert found is not None
    return found[1]


async def test_users_sign_in_and_stay_signed_in(world: World) -> None:
    await world.clients.ensure_web((HERE,))
    assert (await sign_up(world.http)).status_code == 200
    lines = re.findall(r'"([^"]+)"', said_by_the_client(r"SCOPE = (\[[^\]]+\])"))
    scope = " ".join(lines)
    assert set(scope.split()) <= set(USER_SCOPES)
    app = said_by_the_client(r'CLIENT_ID = "([^"]+)"')
    assert app == WEB_CLIENT_ID
    browser = Browser(world.http, app, redirect_uri=HERE, scope=scope)
    tokens = await browser.tokens()
    assert set(tokens["scope"].split()) == set(scope.split())
    # Known again at each start, and nobody is signed out by it.
    await world.clients.ensure_web((HERE,))
    again = await browser.refresh(tokens["refresh_token"])
    assert again.status_code == 200, again.text


async def test_it_moves_with_the_setting_and_to_nowhere_else(world: World) -> None:
    await world.clients.ensure_web((HERE,))
    await world.clients.ensure_web(("https://aviary.example/callback",))
    client = await world.store.clients.get(WEB_CLIENT_ID)
    assert client is not None
    assert client.redirect_uris == ("https://aviary.example/callback",)
    assert client.secret_digest is None
    refused_page = await Browser(world.http, WEB_CLIENT_ID, redirect_uri=HERE).page()
    assert refused_page.status_code == 400, refused_page.text
    with pytest.raises(InvalidArgumentError):
        await world.clients.ensure_web(("http://aviary.example/callback",))
    registered = world.audit.of("app.registered")
    assert [one["client_id"] for one in registered].count(WEB_CLIENT_ID) == 2


async def test_it_has_no_tokens_of_its_own_and_can_be_ended(world: World) -> None:
    await world.clients.ensure_web((HERE,))
    form = {"grant_type": "client_credentials", "client_id": WEB_CLIENT_ID}
    refused(await world.http.post("/oauth/token", data=form), "invalid_client", 401)
    apps = Apps(world.store, world.app_keys, world.audit)
    assert await apps.all() == {}
    await apps.remove(WEB_CLIENT_ID)
    gone = await Browser(world.http, WEB_CLIENT_ID, redirect_uri=HERE).page()
    assert gone.status_code == 400, gone.text
