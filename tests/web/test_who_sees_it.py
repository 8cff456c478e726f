"""Posts for few, protected accounts and who asks to follow them: chosen, marked and settled."""

import httpx
import pytest

from services.local.operator_file import fetch_token, read_operator
from tests.e2e.acting import follow, post
from tests.e2e.conftest import Mesh
from tests.web.reader import Reader, person
from tests.web.test_using_it import unread, write

pytestmark = pytest.mark.chromium

AUDIENCE = "document.querySelector('main .composer select')"


def choose(browser: Reader, value: str, within: str = "main") -> None:
    """As a person does by the list of the browser."""
    found = f"document.querySelector('{within} .composer select')"
    browser.until(found)
    browser.page.run(
        f"{found}.value = '{value}', {found}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    )


def newest(mesh: Mesh, user: dict[str, str]) -> dict[str, object]:
    """The newest post of somebody, as that user sees it."""
    token = fetch_token(read_operator(mesh.data_dir), handle=user["handle"])
    shown = httpx.get(
        f"{mesh.rest.base_url}/v1/timeline/user",
        params={"user_id": user["user_id"]},
        headers={"authorization": f"Bearer {token}"},
    )
    found: dict[str, object] = shown.json()["tweets"][0]
    return found


def stands(mesh: Mesh, one: dict[str, str], other: dict[str, str]) -> dict[str, bool]:
    path = f"/v1/users/{one['user_id']}/relationship/{other['user_id']}"
    found: dict[str, bool] = mesh.rest.get(path).json()
    return found


def protect(mesh: Mesh, user: dict[str, str]) -> None:
    answer = mesh.rest.patch(f"/v1/users/{user['user_id']}", json={"protected": True})
    assert answer.status_code == 200, answer.text


def test_who_sees_a_post_is_chosen_and_marked(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    browser.settle()
    write(browser, "for all of you")
    browser.until("!document.querySelector('[role=feed] .for-few')")
    choose(browser, "followers")
    write(browser, "for those who follow")
    browser.sees("Followers", "[role=feed] article:first-child .for-few")
    assert newest(mesh, ada)["visibility"] == "followers"
    # The next one is for everybody again, unless it is said.
    assert browser.page.run(f"{AUDIENCE}.value") == "public"
    browser.until("document.querySelector('[role=feed] article:first-child .retweet').disabled")
    browser.until("!document.querySelector('[role=feed] article:nth-child(2) .retweet').disabled")
    choose(browser, "mentioned")
    browser.type("main .composer textarea", "only you")
    browser.sees("mentions nobody", "main .composer")
    browser.type("main .composer textarea", f" @{bob['handle']}")
    browser.sees_not("mentions nobody", "main .composer")
    browser.press("Post", "main .composer")
    browser.sees("Only those mentioned", "[role=feed] article:first-child .for-few")
    shown = newest(mesh, ada)
    assert shown["audience"] == {"user_ids": [bob["user_id"]]}
    browser.go(f"/@{ada['handle']}/status/{shown['tweet_id']}")
    browser.sees("Only those mentioned", "main article.large .for-few")


def test_reply_is_for_whom_its_post_is(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    text = f"a word with @{ada['handle']}"
    tweet = post(mesh, int(bob["user_id"]), text, visibility="mentioned")
    browser.go(f"/@{bob['handle']}/status/{tweet}")
    browser.sees("a word with", "main article.large")
    browser.until(f"{AUDIENCE}?.value === 'mentioned'")
    draft = "document.querySelector('main .composer textarea').value"
    browser.until(f"{draft} === '@{bob['handle']} '")
    assert browser.page.run("document.querySelector('main .composer button.strong').disabled")
    browser.type("main .composer textarea", "between us")
    browser.press("Reply", "main .composer")
    browser.sees("between us", "[role=feed]")
    shown = newest(mesh, ada)
    assert shown["audience"] == {"user_ids": [bob["user_id"]]}
    assert shown["in_reply_to_tweet_id"] == str(tweet)


def test_protected_account_is_asked_and_asked_no_more(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    post(mesh, int(bob["user_id"]), "for friends of mine")
    protect(mesh, bob)
    browser.go(f"/@{bob['handle']}")
    browser.sees("This account is protected", "main")
    browser.until("document.querySelector('.profile h2 .padlock')")
    browser.sees_not("for friends of mine")
    browser.press("Follow @", "main")
    browser.sees("Requested", "main .follow")
    assert stands(mesh, ada, bob)["requested"]
    browser.go(f"/@{bob['handle']}")
    browser.sees("Requested", "main .follow")
    browser.sees("0 followers", "main .profile")
    browser.press("Requested to follow @", "main")
    browser.until("document.querySelector('main .follow').textContent === 'Follow'")
    assert not stands(mesh, ada, bob)["requested"]
    # Approved, what was posted before is there, and the padlock beside its author.
    follow(mesh, int(ada["user_id"]), int(bob["user_id"]))
    body = {"user_id": bob["user_id"], "requester_id": ada["user_id"]}
    assert mesh.rest.post("/v1/follow-requests/approve", json=body).status_code == 200
    browser.go(f"/@{bob['handle']}")
    browser.sees("for friends of mine", "[role=feed]")
    browser.until("document.querySelector('[role=feed] article .padlock')")
    browser.until("document.querySelector('[role=feed] article .retweet').disabled")
    # Who leaves sees it no more, here and now.
    browser.press("Following @", "main")
    browser.sees("This account is protected", "main")


def test_requests_are_counted_approved_and_denied_by_keys(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    browser.until("document.querySelector('a[href=\"/requests\"]').hidden")
    browser.go(f"/@{ada['handle']}")
    browser.press("Edit profile")
    browser.until("document.querySelector('dialog input[name=protected]')")
    browser.page.run("document.querySelector('dialog input[name=protected]').click()")
    browser.press("Save", "dialog")
    browser.until("document.querySelector('.profile h2 .padlock')")
    browser.until("!document.querySelector('a[href=\"/requests\"]').hidden")
    carol = person(browser.url, f"c{bob['handle']}", "Carol Shaw")
    for one in (bob, carol):
        follow(mesh, int(one["user_id"]), int(ada["user_id"]))
    browser.eventually(lambda: unread(mesh, ada), 1)
    browser.go("/notifications")
    browser.sees("2 people ask to follow you", "main")
    browser.sees("asked to follow you", "[role=feed]")
    browser.until("document.querySelector('article.notification').dataset.open === '/requests'")
    browser.sees("2", "a[href='/requests'] .badge")
    browser.key("g")
    browser.key("r")
    browser.until("location.pathname === '/requests'")
    browser.sees("Carol Shaw", "[role=feed]")
    browser.key("j")
    browser.sees("Bob Noyce", "article:focus")
    browser.press("Approve @", "article:focus")
    browser.sees("Carol Shaw", "article:focus")
    assert stands(mesh, bob, ada)["following"]
    browser.sees("1", "a[href='/requests'] .badge")
    browser.press("Deny @", "article:focus")
    browser.sees("Nobody is waiting", "main")
    assert not {"following", "requested"} & {
        name for name, is_so in stands(mesh, carol, ada).items() if is_so
    }
    browser.until("document.querySelector('a[href=\"/requests\"] .badge').hidden")


def test_request_that_was_taken_back_is_gone(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    protect(mesh, ada)
    follow(mesh, int(bob["user_id"]), int(ada["user_id"]))
    browser.go("/requests")
    browser.sees("Bob Noyce", "[role=feed]")
    follow(mesh, int(bob["user_id"]), int(ada["user_id"]), "unfollow")
    browser.press("Approve @", "main")
    browser.sees("Nobody is waiting", "main")
    assert not stands(mesh, bob, ada)["following"]


def test_request_is_settled_at_the_profile_of_who_asks(
    mesh: Mesh, browser: Reader, ada: dict[str, str], bob: dict[str, str]
) -> None:
    protect(mesh, ada)
    follow(mesh, int(bob["user_id"]), int(ada["user_id"]))
    browser.go(f"/@{bob['handle']}")
    browser.sees("Asks to follow you", "main")
    browser.press("Approve @", "main")
    browser.sees("Follows you", "main .asks")
    assert stands(mesh, bob, ada)["following"]
