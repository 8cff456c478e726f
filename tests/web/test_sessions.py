"""How being signed in begins and ends, seen by whoever sits there next."""

import httpx
import pytest

from tests.web.reader import Reader

pytestmark = pytest.mark.chromium


def test_nothing_stays_on_the_page_that_is_signed_out(browser: Reader, ada: dict[str, str]) -> None:
    browser.sees(ada["handle"][:3].title(), "nav.main")
    # What a browser would keep of the page for who goes back to it.
    browser.page.run(
        "addEventListener('pagehide', () =>"
        " localStorage.setItem('left', document.getElementById('app').innerText))"
    )
    browser.press("Sign out", "nav.main")
    browser.sees("New here?")
    assert browser.page.run("localStorage.getItem('left')") == ""
    browser.page.run("localStorage.clear()")


def test_session_that_was_ended_elsewhere_asks_for_nothing_more(
    browser: Reader, ada: dict[str, str]
) -> None:
    del ada
    browser.page.run("window.before = true")
    token = browser.page.run("sessionStorage.getItem('aviary.refresh')")
    form = {"client_id": "aviary-web", "token": token}
    httpx.post(f"{browser.url}/oauth/revoke", data=form).raise_for_status()
    browser.sees("New here?")
    browser.sees("Your session has ended", ".door")
    # Begun anew: nothing of the page before asks, or draws over what is being typed.
    assert browser.page.run("window.before ?? null") is None


def test_address_with_slashes_is_no_other_host_after_the_sign_in(
    browser: Reader, ada: dict[str, str]
) -> None:
    browser.sign_out()
    browser.go(f"//@{ada['handle']}")
    browser.sign_in(ada["handle"])
    browser.until(f"location.pathname === '/@{ada['handle']}'")
    browser.sees(f"@{ada['handle']}", "main .profile")
