"""Each page, light and dark, wide and narrow: clean by axe-core, and with a picture to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.acting import follow, post
from tests.e2e.conftest import Mesh
from tests.web.reader import AXE, Reader, person
from tests.web.world import World

pytestmark = pytest.mark.chromium

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def world(mesh: Mesh, browser: Reader, ada: dict[str, str]) -> Iterator[World]:
    made = World(mesh, browser.url, ada)
    # axe-core is a script that the client's own policy would not let run.
    browser.page.call("Page.setBypassCSP", enabled=True)
    yield made
    browser.page.call("Page.setBypassCSP", enabled=False)


def look(browser: Reader, path: str, text: str, picture_: Path) -> list[str]:
    browser.go(path)
    browser.sees(text, "main")
    browser.settle()
    browser.picture(picture_)
    return [f"{path}: {one}" for one in browser.violations()]


def test_every_page_is_clean_and_can_be_looked_at(
    browser: Reader, world: World, screenshots: Path
) -> None:
    assert AXE.exists(), "make .venv/clients.stamp"
    pages = (
        ("home", "/", "All of it?"),
        ("profile", world.noor, "القاهرة"),
        ("own-profile", f"/@{world.me['handle']}", "All of it?"),
        ("thread", world.thread, "The manual"),
        ("search", "/search?q=idea", "Newest"),
        ("people", "/search?q=mary&by=people", "Mary Somerville"),
        ("notifications", "/notifications", "followed you"),
        ("nobody", "/@nobody_at_all", "Not there"),
    )
    found: list[str] = []
    for colours in ("light", "dark"):
        browser.has_colours(colours)
        browser.has_size(1280, 900)
        for name, path, text in pages:
            found += look(browser, path, text, screenshots / f"{name}-{colours}.png")
        for open_, name in (("n", "compose"), ("?", "keys")):
            browser.go("/")
            browser.settle()
            browser.key(open_)
            browser.until("document.querySelector('dialog[open]')")
            browser.picture(screenshots / f"{name}-{colours}.png")
            found += browser.violations()
        browser.has_size(390, 844)
        found += look(browser, "/", "All of it?", screenshots / f"narrow-{colours}.png")
    browser.has_size(1280, 900)
    browser.press("Right to left", "nav.main")
    browser.until("document.documentElement.dir === 'rtl'")
    found += look(browser, "/", "All of it?", screenshots / "right-to-left.png")
    side = "document.querySelector('nav.main').getBoundingClientRect().left"
    assert browser.page.run(side) > 640, "the navigation is on the right"
    browser.press("Right to left", "nav.main")
    # What is chosen goes before what the system says, and is kept.
    browser.press("Light or dark", "nav.main")
    browser.go("/")
    assert browser.page.run("document.documentElement.dataset.theme") == "light"
    browser.settle()
    browser.page.run("localStorage.clear()")
    browser.sign_out()
    for colours in ("light", "dark"):
        browser.has_colours(colours)
        browser.go("/")
        browser.sees("New here?")
        browser.picture(screenshots / f"welcome-{colours}.png")
        found += browser.violations()
    assert found == [], "\n".join(found)


def test_what_is_for_few_can_be_looked_at(
    mesh: Mesh, browser: Reader, world: World, bob: dict[str, str], screenshots: Path
) -> None:
    me, noor = int(world.me["user_id"]), world.noor.removeprefix("/@")
    text = f"Dinner on Friday, you two? @{noor} @{bob['handle']}"
    post(mesh, me, text, visibility="mentioned")
    post(mesh, me, "Nobody but my friends needs to read this", visibility="followers")
    for user in (me, int(bob["user_id"])):
        mesh.rest.patch(f"/v1/users/{user}", json={"protected": True}).raise_for_status()
    carol = person(browser.url, f"c{bob['handle']}", "كارول شو")
    for asking, asked in ((carol["user_id"], me), (bob["user_id"], me), (me, bob["user_id"])):
        follow(mesh, int(asking), int(asked))
    for word in ("spoilers", "#مباراة", "the last season of that show that everybody watches"):
        said = {"user_id": me, "word": word}
        mesh.rest.post("/v1/muted-words", json=said).raise_for_status()
    pages = (
        ("for-few", "/", "Dinner on Friday"),
        ("requests", "/requests", "كارول"),
        ("asking", "/notifications", "2 people ask"),
        ("protected", f"/@{bob['handle']}", "Asks to follow you"),
        ("muted-words", "/muted-words", "spoilers"),
    )
    found: list[str] = []
    for colours, direction in (("light", "ltr"), ("dark", "rtl")):
        browser.has_colours(colours)
        browser.page.run(f"localStorage.setItem('aviary.dir', '{direction}')")
        for width, size in (("", (1280, 900)), ("narrow-", (320, 700))):
            browser.has_size(*size)
            for name, path, text in pages:
                file = screenshots / f"{width}{name}-{colours}.png"
                found += look(browser, path, text, file)
                assert browser.page.run(TOO_WIDE) <= 0, (size, path)
            browser.go(f"/@{world.me['handle']}")
            browser.press("Edit profile")
            browser.sees("Protect your posts", "dialog")
            browser.picture(screenshots / f"{width}edit-{colours}.png")
            found += browser.violations()
    browser.has_size(1280, 900)
    browser.page.run("localStorage.clear()")
    assert found == [], "\n".join(found)


def test_nothing_is_wider_than_the_screen(browser: Reader, world: World) -> None:
    for width in (320, 390, 768, 1024):
        browser.has_size(width, 800)
        for path in ("/", world.thread, world.noor, "/notifications"):
            browser.go(path)
            browser.settle()
            assert browser.page.run(TOO_WIDE) <= 0, (width, path)
    browser.has_size(1280, 900)
