"""Steps that tests of the issuer over HTTP share."""

from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.identity.browser import Browser, sign_up
from tests.identity.world import World

__all__ = ["logged_in", "read", "refused"]


async def read(world: World, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, by the keys that the issuer publishes."""
    keys = KeySet.import_key_set((await world.http.get("/oauth/keys")).json())
    decoded = jwt.decode(token, keys, algorithms=["ES256", "RS256"])
    return dict(decoded.header), dict(decoded.claims)


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"


async def logged_in(world: World, **changes: str | None) -> Browser:
    assert (await sign_up(world.http)).status_code == 200
    return Browser(world.http, (await world.app()).client_id, **changes)
