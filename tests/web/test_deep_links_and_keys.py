"""Addresses that open a page at once, and keys instead of a mouse."""

import pytest

from tests.e2e.acting import post
from tests.e2e.conftest import Mesh
from tests.web.reader import Reader

pytestmark = pytest.mark.chromium

FOCUSED = "document.activeElement.dataset.tweet ?? ''"


def has_replies(mesh: Mesh, browser: Reader, tweet: int, reader: str) -> None:
    """Wait until the thread of the tweet has one: replies are listed a moment after their post."""
    path = f"/v1/tweets/{tweet}/conversation"
    query = {"user_id": reader}
    browser.eventually(
        lambda: len(mesh.rest.get(path, params=query).json()["replies"]) > 0, wanted=True
    )


def test_address_opens_its_page_and_survives_the_sign_in(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    tweet = post(mesh, int(bob["user_id"]), "the deep end")
    answer = post(mesh, int(ada["user_id"]), "I can swim", in_reply_to_tweet_id=tweet)
    post(mesh, int(bob["user_id"]), "well done", in_reply_to_tweet_id=answer)
    has_replies(mesh, browser, tweet, ada["user_id"])
    has_replies(mesh, browser, answer, ada["user_id"])
    path = f"/@{bob['handle']}/status/{tweet}"
    for page, text in (
        (f"/@{bob['handle']}", "Bob Noyce"),
        (path, "I can swim"),
        ("/search?q=deep", "Newest"),
        ("/notifications", "Notifications"),
        (f"/@{bob['handle']}/following", "Nobody yet"),
    ):
        browser.go(page)
        browser.sees(text, "main")
        assert browser.page.run("location.pathname + location.search") == page
    # Above a reply is what it answers, below what answers it.
    browser.go(f"/@{ada['handle']}/status/{answer}")
    browser.sees("the deep end", ".ancestors")
    browser.sees("well done", "[role=feed]")
    browser.press("Back", "main")
    browser.sees("Nobody yet", "main")
    browser.sign_out()
    browser.go(path)
    browser.sign_in(ada["handle"])
    assert browser.page.run("location.pathname") == path
    browser.sees("the deep end", "main")


def test_who_is_not_there_is_said(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.go("/@nobody_at_all")
    browser.sees("Not there", "main")
    browser.go("/@nobody_at_all/status/1")
    browser.settle()
    assert browser.page.run("document.querySelectorAll('main article').length") == 0


def test_keys_do_what_a_mouse_does(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    older, newer = (post(mesh, int(bob["user_id"]), text) for text in ("older", "newer"))
    browser.go(f"/@{bob['handle']}")
    browser.sees("older", "[role=feed]")
    browser.key("j")
    assert browser.page.run(FOCUSED) == str(newer)
    browser.key("j")
    assert browser.page.run(FOCUSED) == str(older)
    browser.key("k")
    assert browser.page.run(FOCUSED) == str(newer)
    for key, button in (("l", "heart"), ("t", "retweet")):
        browser.key(key)
        browser.until(f"document.activeElement.querySelector('.{button}').ariaPressed === 'true'")
    browser.key("r")
    browser.until("document.activeElement.matches('dialog textarea')")
    browser.page.call("Input.insertText", text="by keys alone")
    browser.key("Enter", modifiers=2)
    browser.until("!document.querySelector('dialog')")
    assert browser.page.run(FOCUSED) == str(newer), "the focus comes back"
    has_replies(mesh, browser, newer, ada["user_id"])
    browser.key("Enter")
    browser.sees("by keys alone", "[role=feed]")
    browser.key("?")
    browser.sees("New post", "dialog .keys")
    browser.key("Escape")
    browser.until("!document.querySelector('dialog')")
    browser.key("n")
    browser.until("document.activeElement.matches('dialog textarea')")
    browser.key("Escape")
    browser.until("!document.querySelector('dialog')")
    browser.key("g")
    browser.key("p")
    browser.until(f"location.pathname === '/@{ada['handle']}'")
    browser.key("/")
    browser.until("document.activeElement.matches('input[type=search]')")


def test_post_of_a_thread_leads_nowhere_else(
    mesh: Mesh, browser: Reader, ada: dict[str, str]
) -> None:
    path = f"/@{ada['handle']}/status/{post(mesh, int(ada['user_id']), 'here I stay')}"
    browser.go(path)
    browser.sees("here I stay", "main article.large")
    browser.page.run("document.querySelector('article.large .text').click()")
    browser.page.run("document.querySelector('article.large').focus()")
    browser.key("Enter")
    assert browser.page.run("location.pathname") == path


def test_skip_link_is_first_and_leads_to_the_posts(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.go("/")
    browser.settle()
    browser.page.run("document.activeElement.blur(); getSelection().removeAllRanges()")
    browser.page.run("document.querySelector('.skip').focus()")
    assert browser.page.run("document.querySelector('.skip').getBoundingClientRect().top") >= 0
    browser.key("Enter")
    browser.until("location.hash === '#main'")
    assert browser.page.run("document.activeElement.id") == "main"
