"""What users write is shown as they wrote it, and runs nowhere."""

import json

import pytest

from services.tweet.text import weighted_length
from tests.e2e.acting import post
from tests.e2e.conftest import Mesh
from tests.web.reader import Reader

pytestmark = pytest.mark.chromium

ATTACKS = (
    "<script>window.pwned=1</script>",
    '<img src=x onerror="window.pwned=1">',
    '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1 https://example.com/\"onmouseover='window.pwned=1'",
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1}",
    "&lt;b&gt; &#60;script&#62;window.pwned=1",
)


def is_unharmed(reader: Reader) -> None:
    reader.settle()
    assert reader.page.run("window.pwned ?? null") is None
    assert reader.page.run("document.querySelectorAll('main :is(script, img, iframe)').length") == 0
    bad = "[...document.querySelectorAll('a')].filter((one) => one.protocol !== location.protocol)"
    protocols = reader.page.run(f"{bad}.map((one) => one.protocol)")
    assert set(protocols) <= {"https:"}


def test_texts_names_and_bios_are_text(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    del ada
    evil = {"display_name": ATTACKS[1], "bio": ATTACKS[0] + ATTACKS[2]}
    changed = mesh.rest.patch(f"/v1/users/{bob['user_id']}", json=evil)
    assert changed.is_success, changed.text
    tweets = [post(mesh, int(bob["user_id"]), attack) for attack in ATTACKS]
    browser.go(f"/@{bob['handle']}")
    for attack in (*ATTACKS[:3], *ATTACKS[4:], *evil.values()):
        browser.sees(attack, "main")
    is_unharmed(browser)
    for tweet in tweets:
        browser.go(f"/@{bob['handle']}/status/{tweet}")
        browser.sees(evil["display_name"], "main article.large")
        is_unharmed(browser)


def test_addresses_are_no_way_in(mesh: Mesh, browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.go("/search?q=%3Cimg%20src%3Dx%20onerror%3D%22window.pwned%3D1%22%3E")
    browser.until("document.querySelector('main input')?.value.startsWith('<img')")
    is_unharmed(browser)
    assert mesh.rest.get("/@<script>alert(1)</script>").status_code == 404


def test_no_page_runs_what_is_not_ours(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    browser.go("/")
    browser.settle()
    said = browser.page.run(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken'; }"
        " catch (error) { return error.name; } })()"
    )
    assert said == "TypeError", "trusted types refuse markup from anywhere"
    browser.page.run(
        "document.head.append(Object.assign(document.createElement('style'),"
        " { textContent: 'main { display: none }' }))"
    )
    assert browser.page.run("getComputedStyle(document.querySelector('main')).display") != "none"
    # Both are said in the console, as they should be.
    browser.page.errors.clear()


def test_entities_are_links_at_their_code_points(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    del ada
    text = (
        f"👩‍👩‍👧 \U0001d4b3 hi @{bob['handle']} #größe $TSLA https://example.com/a?b=c example.org."
    )
    tweet = post(mesh, int(bob["user_id"]), text)
    browser.go(f"/@{bob['handle']}/status/{tweet}")
    browser.sees("hi @", "main article.large .text")
    links = browser.page.run(
        "[...document.querySelectorAll('article.large .text a')]"
        ".map((one) => [one.textContent, one.getAttribute('href'), one.rel])"
    )
    rel = "noopener noreferrer nofollow ugc"
    assert links == [
        [f"@{bob['handle']}", f"/@{bob['handle']}", ""],
        ["#größe", "/search?q=%23gr%C3%B6%C3%9Fe", ""],
        ["$TSLA", "/search?q=%24TSLA", ""],
        ["example.com/a?b=c", "https://example.com/a?b=c", rel],
        ["example.org", "https://example.org/", rel],
    ]


def test_length_is_the_servers(browser: Reader, ada: dict[str, str]) -> None:
    del ada
    texts = [
        "plain",
        "日本語 and ascii",
        "👩‍👩‍👧‍👦 🇩🇪 👍🏽 1️⃣ ☺️",
        "https://example.com/a/very/long/path?with=query and example.com, also e.g. this node.js",
        "see (https://en.wikipedia.org/wiki/A_(b)) it",
        "e\u0301 is one",
        "a@example.com mail",
        "\u201cquotes\u201d \u2013 dashes \u2026 and \u2018more\u2019",
        "line\r\nends",
    ]
    page = "import(document.querySelector('script[type=module]').src.replace('app.js', 'text.js'))"
    lengths = browser.awaited(
        f"{page}.then(({{ weightedLength }}) => {json.dumps(texts)}.map(weightedLength))"
    )
    assert dict(zip(texts, lengths, strict=True)) == {
        text: weighted_length(text.replace("\r\n", "\n")) for text in texts
    }
