"""What is being written is neither lost nor doubled, and what is new is shown, all of it."""

import json
from pathlib import Path

import pytest

from tests.e2e.acting import follow, home, post
from tests.e2e.conftest import Mesh
from tests.pictures import picture
from tests.web.reader import Reader
from tests.web.test_using_it import write

pytestmark = pytest.mark.chromium

DRAFT = "document.querySelector('main .composer textarea').value"
ENTER_WITH_CTRL = 2
LINE_SEPARATOR = "\u2028"


def hold(browser: Reader, those: str) -> None:
    """Let calls whose address has this wait for `letGo()`: a network that is slow."""
    browser.page.run(
        "(() => { const real = fetch; window.held = 0;"
        " const gone = new Promise((on) => { window.letGo = on; });"
        " window.fetch = async (...of) => {"
        f" if (String(of[0]).includes({json.dumps(those)})) {{ window.held += 1; await gone; }}"
        " return real(...of); }; })()"
    )


def stream(browser: Reader, *events: str) -> None:
    """Load the page anew, with a stream that brings these at `bring()` and ends, whatever comes."""
    text = json.dumps("".join(events))
    made = browser.page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="(() => { const real = fetch; window.fetch = (...of) => {"
        " if (window.asked || !String(of[0]).startsWith('/v1/stream/home')) return real(...of);"
        " window.asked = of[0]; return new Promise((on) => {"
        f" window.bring = () => on(new Response({text})); }});"
        " }; })()",
    )
    browser.go("/")
    browser.settle()
    browser.until("window.bring")
    browser.page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=made["identifier"])


def test_nothing_is_written_while_a_post_is_on_its_way(
    browser: Reader, ada: dict[str, str]
) -> None:
    del ada
    hold(browser, "/v1/tweets")
    browser.type("main .composer textarea", "said once")
    browser.key("Enter", ENTER_WITH_CTRL)
    browser.until("window.held === 1")
    browser.page.call("Input.insertText", text=" and more")
    browser.key("Enter", ENTER_WITH_CTRL)
    assert browser.page.run(DRAFT) == "said once"
    browser.page.run("window.letGo()")
    browser.sees("said once", "[role=feed]")
    assert browser.page.run("window.held") == 1
    browser.until(f"{DRAFT} === ''")
    write(browser, "and again")


def test_more_than_a_page_of_new_posts_is_shown(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    follow(mesh, int(ada["user_id"]), int(bob["user_id"]))
    write(browser, "before them")
    hold(browser, "since_id")
    tweets = {post(mesh, int(bob["user_id"]), f"number {each}") for each in range(35)}
    browser.eventually(lambda: tweets <= set(home(mesh, int(ada["user_id"]))), wanted=True)
    browser.page.run("window.letGo()")
    browser.sees("Show 35 new posts", "main")


def test_reset_of_the_stream_keeps_what_is_being_written(
    browser: Reader, ada: dict[str, str]
) -> None:
    del ada
    stream(browser, "event: reset\nid: r\ndata: {}\n\n")
    write(browser, "stands there")
    browser.page.run("document.querySelector('[role=feed] article').dataset.before = 'yes'")
    browser.type("main .composer textarea", "half a thought")
    browser.page.run("window.bring()")
    browser.until("!document.querySelector('[data-before]')")
    browser.sees("stands there", "[role=feed]")
    assert browser.page.run(DRAFT) == "half a thought"
    assert "since_id=" in (asked := browser.page.run("window.asked"))
    assert "quote_tweet_id" in asked


def test_line_separator_in_a_post_stops_no_stream(browser: Reader, ada: dict[str, str]) -> None:
    tweet = {
        "tweet_id": str(1 << 60),
        "user_id": ada["user_id"],
        "text": f"one{LINE_SEPARATOR}two",
        "created_at": "2026-01-01T00:00:00Z",
    }
    said = json.dumps({"tweet": tweet, "includes": {}}, ensure_ascii=False)
    stream(browser, f"event: tweet\nid: t\ndata: {said}\n\n")
    browser.page.run("window.bring()")
    browser.press("Show 1 new post", "main")
    browser.until(
        f"document.querySelector('[role=feed] .text').textContent === {json.dumps(tweet['text'])}"
    )


def test_picture_that_was_taken_away_is_asked_for_no_more(
    browser: Reader, ada: dict[str, str], tmp_path: Path
) -> None:
    del ada
    file = tmp_path / "kite.png"
    file.write_bytes(picture())
    root = browser.page.call("DOM.getDocument")["root"]["nodeId"]
    chosen = browser.page.call(
        "DOM.querySelector", nodeId=root, selector="main .composer input[type=file]"
    )
    browser.page.call("DOM.setFileInputFiles", files=[str(file)], nodeId=chosen["nodeId"])
    # As while those who look at pictures are away.
    browser.page.run(
        "(() => { const real = fetch; window.fetch = (...of) =>"
        " /^[/]v1[/]media[/][0-9]+$/.test(of[0]) ? (window.looked = true,"
        " Promise.resolve(Response.json({ media: { status: 'pending' } }))) : real(...of); })()"
    )
    browser.press("Upload", "main .composer")
    browser.until("window.looked")
    browser.page.run("window.state = document.querySelector('.upload .state')")
    browser.press("Remove the picture", "main .composer")
    browser.until("window.state.textContent === 'It is not ready yet.'")
