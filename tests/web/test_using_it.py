"""What people do with the web client, in a real Chromium against all of Aviary."""

import os
from pathlib import Path

import pytest

from tests.e2e.acting import follow, post
from tests.e2e.conftest import Mesh
from tests.identity.world import PASSWORD
from tests.pictures import picture
from tests.web.reader import Reader

pytestmark = pytest.mark.chromium

FIRST = "main article .text"


def write(reader: Reader, text: str) -> None:
    reader.type("main .composer textarea", text)
    reader.press("Post", "main .composer")
    reader.sees(text, "[role=feed]")


def test_somebody_signs_up_and_comes_in(browser: Reader) -> None:
    browser.sign_out()
    handle = f"new_{os.getpid() % 100_000}"
    for name, value in (("handle", handle), ("display_name", "New Here"), ("password", PASSWORD)):
        browser.type(f".door [name={name}]", value)
    browser.press("Sign up")
    browser.until("document.querySelector('input[autocomplete^=current]')")
    assert browser.page.run("document.querySelector('[name=handle]').value") == handle
    browser.page.fill("password", PASSWORD)
    browser.page.click("button[value=allow]")
    browser.sees("New Here", "nav.main")
    assert browser.page.run("location.pathname + location.search") == "/"
    # A bad password says so, and nobody is made.
    browser.sign_out()
    for name, value in (
        ("handle", f"{handle}x"),
        ("display_name", "X"),
        ("password", "aaaaaaaaaa"),
    ):
        browser.type(f".door [name={name}]", value)
    browser.press("Sign up")
    browser.until("document.querySelector('.door [role=alert]').textContent")


def test_tokens_are_in_no_address_and_a_reload_stays_signed_in(
    browser: Reader, ada: dict[str, str]
) -> None:
    kept = browser.page.run("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert ".ey" not in kept, "an access token is in memory alone"
    entries = browser.page.call("Page.getNavigationHistory")["entries"]
    assert not [one["url"] for one in entries if "token" in one["url"]]
    assert "code=" not in entries[-1]["url"]
    browser.go("/notifications")
    browser.sees("Nothing yet")
    browser.press("Sign out")
    browser.sees("Sign in", "main")
    browser.go("/")
    browser.sees("Sign in", "main")
    assert ada["handle"]


def test_post_reply_quote_and_delete(browser: Reader, ada: dict[str, str]) -> None:
    write(browser, "hello from the browser")
    browser.press("Reply", "main article")
    browser.type("dialog textarea", "an answer")
    browser.press("Reply", "dialog .bar")
    browser.until("!document.querySelector('dialog')")
    browser.press("Quote", "main article")
    browser.type("dialog textarea", "quoting it")
    browser.press("Post", "dialog .bar")
    browser.sees("quoting it", "[role=feed]")
    browser.go(f"/@{ada['handle']}")
    browser.sees("quoting it", "[role=feed]")
    browser.press("Delete", "main article")
    browser.press("Delete for good", "main article")
    browser.sees_not("quoting it")
    browser.go(f"/@{ada['handle']}")
    browser.sees("hello from the browser", "[role=feed]")
    browser.sees_not("quoting it")


def test_a_pinned_post_is_first_on_the_profile(browser: Reader, ada: dict[str, str]) -> None:
    for text in ("to be pinned", "newer"):
        write(browser, text)
    browser.go(f"/@{ada['handle']}")
    browser.sees("2 posts", "main .head")
    browser.sees("0 following", "main .profile")
    assert browser.text_of(FIRST) == "newer"
    browser.press("Pin to", "main article:nth-of-type(2)")
    browser.sees("Pinned", "main article:first-child .why")
    assert browser.text_of(FIRST) == "to be pinned"
    browser.go(f"/@{ada['handle']}")
    browser.sees("Pinned", "main article:first-child .why")
    assert browser.page.run("document.querySelectorAll('main article').length") == 2
    browser.press("Unpin", "main article:first-child")
    browser.until("!document.querySelector('main article .why')")
    browser.sees("newer", "main article:first-child")


def test_counter_and_bounds(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.type("main .composer textarea", "a" * 270)
    assert browser.text_of("main .composer .left") == "10"
    browser.type("main .composer textarea", "界" * 6)
    assert browser.text_of("main .composer .left") == "-2"
    assert browser.page.run("document.querySelector('main .composer button.strong').disabled")


def test_like_retweet_and_who_is_told(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    follow(mesh, int(ada["user_id"]), int(bob["user_id"]))
    tweet = post(mesh, int(bob["user_id"]), f"to be liked by @{ada['handle']}")
    browser.go(f"/@{bob['handle']}/status/{tweet}")
    browser.sees("to be liked", "main article.large")
    for label in ("Like", "Retweet"):
        browser.press(label, "main article.large")
    browser.eventually(lambda: counts(mesh, tweet), (1, 1))
    browser.go(f"/@{bob['handle']}/status/{tweet}")
    browser.until(
        "[...document.querySelectorAll('article.large [aria-pressed=true]')].length === 2"
    )
    browser.press("Like", "main article.large")
    browser.eventually(lambda: counts(mesh, tweet), (0, 1))
    # Being named is told, and marked as read once it was seen.
    browser.eventually(lambda: unread(mesh, ada), 1)
    browser.go("/notifications")
    browser.sees("Bob Noyce mentioned you", "[role=feed]")
    browser.eventually(lambda: unread(mesh, ada), 0)


def counts(mesh: Mesh, tweet: int) -> tuple[int, int]:
    shown = mesh.rest.get(f"/v1/tweets/{tweet}").json()["tweet"]
    return shown.get("like_count", 0), shown.get("retweet_count", 0)


def unread(mesh: Mesh, user: dict[str, str]) -> int:
    query = {"user_id": user["user_id"]}
    return int(mesh.rest.get("/v1/notifications/unread_count", params=query).json()["unread_count"])


def test_follow_from_a_profile_and_new_posts_behind_a_button(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    browser.go(f"/@{bob['handle']}")
    browser.press("Follow @", "main")
    browser.sees("Following", "main .follow")
    query = (ada["user_id"], bob["user_id"])
    stands = mesh.rest.get("/v1/users/{}/relationship/{}".format(*query)).json()
    assert stands["following"]
    browser.go("/")
    browser.settle()
    post(mesh, int(bob["user_id"]), "fresh off the press")
    browser.sees("Show 1 new post", "main")
    browser.sees_not("fresh off the press")
    browser.press("Show 1 new post")
    browser.sees("fresh off the press", "[role=feed]")
    browser.go(f"/@{bob['handle']}/followers")
    browser.sees(f"@{ada['handle']}", "[role=feed]")


def test_search_finds_posts_and_people(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    del ada
    post(mesh, int(bob["user_id"]), "a red kite over the #meadow")
    found = {"query": f"#meadow from:{bob['handle']}", "user_id": bob["user_id"]}
    browser.eventually(lambda: len(mesh.rest.get("/v1/search", params=found).json()["tweets"]), 1)
    browser.key("/")
    browser.page.call("Input.insertText", text=f"#meadow from:{bob['handle']}")
    browser.key("Enter")
    browser.sees("a red kite", "[role=feed]")
    browser.press("#meadow", "[role=feed]")
    browser.until("new URLSearchParams(location.search).get('q') === '#meadow'")
    browser.go(f"/search?q={bob['handle']}&by=people")
    browser.sees("Bob Noyce", "[role=feed]")


def test_picture_is_sent_and_shown(browser: Reader, ada: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "kite.png"
    file.write_bytes(picture())
    root = browser.page.call("DOM.getDocument")["root"]["nodeId"]
    chosen = browser.page.call(
        "DOM.querySelector", nodeId=root, selector="main .composer input[type=file]"
    )
    browser.page.call("DOM.setFileInputFiles", files=[str(file)], nodeId=chosen["nodeId"])
    browser.type("main .composer .alt", "red and blue")
    browser.press("Upload", "main .composer")
    browser.sees("Ready", "main .composer")
    browser.press("Post", "main .composer .bar")
    browser.until("document.querySelector('[role=feed] img[alt=\"red and blue\"]')?.naturalWidth")
    browser.go(f"/@{ada['handle']}")
    browser.until("document.querySelector('[role=feed] img')?.naturalWidth")


def test_profile_is_changed(browser: Reader, ada: dict[str, str]) -> None:
    browser.go(f"/@{ada['handle']}")
    browser.press("Edit profile")
    browser.type("dialog textarea", "I count engines")
    browser.press("Save", "dialog")
    browser.sees("I count engines", "main .profile")
