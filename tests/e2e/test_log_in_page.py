"""The log-in page in a real Chromium, opened by links that say more than an app may."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.e2e.chromium import Page, chromium
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.test_identity import command, sign_up
from tests.e2e.test_step_up import waiting_app
from tests.identity.browser import Browser
from tests.identity.world import PASSWORD

pytestmark = pytest.mark.chromium


class Opened:
    """A person's browser, and the app that waits for it to come back."""

    def __init__(self, page: Page, url: str, asked: dict[str, str], came: list[str]) -> None:
        self.page = page
        self._url = url
        self._asked = asked
        self._came = came

    def go(self, more: str = "") -> None:
        self.page.go(f"{self._url}/oauth/authorize?{urlencode(self._asked)}{more}")

    def shown(self, name: str) -> str:
        return str(self.page.run(f"document.querySelector('[name={name}]').value"))

    def answer(self) -> dict[str, list[str]]:
        """Wait until the browser is back at the app; give the parameters it came back with."""
        self.page.until("document.title === 'back'")
        (path,) = [one for one in self._came if one.startswith("/callback")]
        self._came.clear()
        return parse_qs(urlsplit(path).query)

    def is_refused(self) -> None:
        assert self.page.run("document.querySelector('form')") is None
        assert "did not work" in self.page.run("document.body.innerText")
        assert self._came == []


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mesh") / "data", AVIARY_EDGE_LIMITS="off")
    yield running
    assert stop(running) == 0


@pytest.fixture
def opened(mesh: Mesh, tmp_path: Path) -> Iterator[Opened]:
    with waiting_app() as (redirect, came), chromium(tmp_path / "profile") as page:
        out = command(mesh, "register-app", "Birdwatch", "--public", "--redirect-uri", redirect)
        app = dict(line.split() for line in out.splitlines())["client_id"]
        asked = Browser(httpx.AsyncClient(), app, redirect_uri=redirect).asked
        yield Opened(page, str(mesh.rest.base_url), asked, came)


def press_enter(page: Page) -> None:
    page.run("document.querySelector('[name=password]').focus()")
    for kind in ("keyDown", "keyUp"):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        page.call("Input.dispatchKeyEvent", type=kind, **key)


# What is the person's and ours to say, and a parameter that is there twice.
REFUSED = (
    "&decision=allow",
    "&decision=allow&decision=deny",
    "&handle=mallory&password=mallorys+password",
    "&handle=mallory",
    "&password=",
    "&csrf=guessed",
    "&state=s1",
    "&client_id=app_other",
)


def test_link_that_says_what_is_the_persons_opens_no_page(opened: Opened) -> None:
    for more in REFUSED:
        opened.go(more)
        opened.is_refused()


def test_not_now_gives_no_code_and_enter_logs_in(mesh: Mesh, opened: Opened) -> None:
    handle, _ = sign_up(mesh)
    page = opened.page
    # Nothing of this is ours to know, and one name would hide what the page's script reads.
    opened.go("&Decision=allow&action=https%3A%2F%2Fevil.test&utm_source=x")
    assert [opened.shown(name) for name in ("handle", "password")] == ["", ""]
    assert page.run("document.querySelectorAll('[name=action],[name=utm_source]').length") == 0
    page.fill("handle", handle)
    page.fill("password", PASSWORD)
    page.click("button[value=deny]")
    assert opened.answer().keys() == {"error", "error_description", "state", "iss"}

    opened.go(f"&login_hint={handle}")
    assert [opened.shown(name) for name in ("handle", "password")] == [handle, ""]
    page.click("button[value=deny]")
    assert opened.answer()["error"] == ["access_denied"]

    opened.go()
    page.fill("handle", handle)
    page.fill("password", PASSWORD)
    # A password manager's way, which presses no button: nothing is decided, and the page says so.
    page.run("document.querySelector('form').requestSubmit()")
    page.until("document.querySelector('[role=alert]').textContent.includes('two buttons')")
    page.until("!document.querySelector('button').disabled")
    press_enter(page)
    answer = opened.answer()
    assert answer.keys() == {"code", "state", "iss"}
    assert [one for one in page.errors if "(Bad Request)" not in one] == []
