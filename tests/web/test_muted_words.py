"""Words that somebody has muted: listed, added, refused and taken back."""

import pytest

from tests.e2e.acting import follow, home, post
from tests.e2e.conftest import Mesh
from tests.web.reader import Reader

pytestmark = pytest.mark.chromium


def test_words_are_muted_and_taken_back(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    reader, author = int(ada["user_id"]), int(bob["user_id"])
    follow(mesh, reader, author)
    kept, muted = post(mesh, author, "about birds"), post(mesh, author, "about Spoilers")
    browser.eventually(lambda: home(mesh, reader), [muted, kept])
    browser.press("Muted words", "nav.main")
    browser.sees("You have muted no words", "main")
    for word in ("spoilers", "مفسد"):
        browser.type("main input[name=word]", word)
        browser.key("Enter")
        browser.sees(word, ".words")
        # The next one can be written at once.
        browser.until("document.activeElement.matches('input[name=word]')")
    browser.go("/muted-words")
    browser.sees("spoilers", ".words")
    assert browser.page.run("document.querySelector('.words li').dataset.word") == "مفسد"
    browser.go("/")
    browser.sees("about birds", "[role=feed]")
    browser.sees_not("Spoilers", "[role=feed]")
    browser.key("g")
    browser.key("m")
    browser.press("Mute no longer: spoilers", "main")
    browser.sees_not("spoilers", ".words")
    browser.until("document.activeElement.ariaLabel === 'Mute no longer: مفسد'")
    browser.press("Mute no longer", "main")
    browser.sees("You have muted no words", "main")
    browser.until("document.activeElement.matches('input[name=word]')")
    browser.go("/")
    browser.sees("about Spoilers", "[role=feed]")


def test_what_is_no_word_is_refused_with_a_reason(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.go("/muted-words")
    browser.type("main input[name=word]", "!?")
    browser.press("Mute", "main form")
    browser.until("!document.querySelector('main [role=alert]').hidden")
    assert browser.page.run("document.querySelector('main input').value") == "!?"
    browser.sees("You have muted no words", "main")
