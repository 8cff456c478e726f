"""The log-in page, as people use it: handles as they write them, and several tabs."""

import html
import re

import pytest

from tests.identity.browser import Browser, hidden_fields, sent_back
from tests.identity.oauth_steps import logged_in
from tests.identity.world import PASSWORD, World


@pytest.mark.parametrize("typed", ["@ada", " ada ", " @Ada\t", "ADA"])
async def test_handle_may_be_typed_as_people_write_it(world: World, typed: str) -> None:
    answer = await (await logged_in(world)).submit(typed, PASSWORD)
    assert answer.status_code == 303, answer.text
    (logged,) = world.audit.of("login.succeeded")
    assert logged["user_id"] == 1


async def test_pages_in_two_tabs_both_work(world: World) -> None:
    browser = await logged_in(world)
    other = Browser(world.http, browser.asked["client_id"], state="s2")
    pages = [await each.page() for each in (browser, other)]
    for page, state in reversed(list(zip(pages, ("s1", "s2"), strict=True))):
        form = {**hidden_fields(page.text), "handle": "ada", "decision": "allow"}
        wrong = await world.http.post("/oauth/log-in", data={**form, "password": "wrong one"})
        assert wrong.status_code == 400
        again = {**form, **hidden_fields(wrong.text), "password": PASSWORD}
        assert sent_back(await world.http.post("/oauth/log-in", data=again))["state"] == state
    assert set(world.http.cookies) == {"aviary-device"}, "pages that were decided on leave nothing"


async def test_form_of_one_tab_takes_no_token_of_another(world: World) -> None:
    browser = await logged_in(world)
    one, other = [hidden_fields((await browser.page()).text)["csrf"] for _ in range(2)]
    mixed = f"{one.partition('.')[0]}.{other.partition('.')[2]}"
    form = {**browser.asked, "handle": "ada", "password": PASSWORD, "decision": "allow"}
    for csrf in (mixed, one.partition(".")[0], f"{one}x", f"é{one}", f"{one[:-1]}é"):
        answer = await world.http.post("/oauth/log-in", data={**form, "csrf": csrf})
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert world.audit.of("login.succeeded") == []


async def test_log_in_of_a_page_is_shown_again_with_what_was_asked(world: World) -> None:
    browser = await logged_in(world, state='<"\\>')
    answer = await browser.submit("ada", "wrong password")
    assert 'value="&lt;&quot;\\&gt;"' in answer.text
    assert html.unescape(re.findall(r'name="state" value="([^"]*)"', answer.text)[0]) == '<"\\>'
