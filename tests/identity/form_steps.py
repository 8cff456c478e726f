"""Steps at the log-in form, as bytes on the wire."""

import re
from collections.abc import Sequence

import httpx

from tests.identity.browser import Browser, sign_up
from tests.identity.world import PASSWORD, World

__all__ = ["FORM", "Pairs", "at_the_page", "opened", "person", "refused", "sent"]


FORM = {"content-type": "application/x-www-form-urlencoded"}


Pairs = Sequence[tuple[str, str]]


async def at_the_page(world: World, **changes: str | None) -> Browser:
    assert (await sign_up(world.http)).status_code == 200
    return Browser(world.http, (await world.app()).client_id, **changes)


async def opened(browser: Browser, *more: tuple[str, str]) -> httpx.Response:
    asked = [*browser.asked.items(), *more]
    return await browser.http.get("/oauth/authorize", params=asked)


async def sent(browser: Browser, pairs: Pairs, query: str = "", **headers: str) -> httpx.Response:
    """Send the form of a page that was just opened, with these fields after it."""
    page = await opened(browser)
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    body = str(httpx.QueryParams([*hidden, *pairs]))
    headers = {**FORM, **headers}
    return await browser.http.post(f"/oauth/log-in{query}", content=body, headers=headers)


def refused(answer: httpx.Response, error: str = "invalid_request") -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text


def person(handle: str = "ada", password: str = PASSWORD) -> Pairs:
    return [("handle", handle), ("password", password)]
