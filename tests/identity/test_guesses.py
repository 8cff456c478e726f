"""Wrong passwords for one account, from however many addresses, and through several issuers."""

import asyncio
import math
import re

import httpx
import pytest

from services.identity.guesses import FREE_GUESSES, WINDOW_MS
from services.platform.errors import AlreadyExistsError, TooManyRequestsError
from services.platform.security.step_up import PROVEN_HEADER, asked_for_proof
from tests.identity.browser import Browser, sign_up
from tests.identity.form_steps import person
from tests.identity.test_account_endpoints import change, logged_in
from tests.identity.world import PASSWORD, World
from tests.unit.user_world import CrashError

MANY = 64
WRONG = "a wrong password"
BY_SCRIPT = {"accept": "application/json"}
PROVEN = {PROVEN_HEADER: "1"}


async def form(world: World, http: httpx.AsyncClient) -> dict[str, str]:
    """Open the page in this browser; gives the fields that it hides in its form."""
    browser = Browser(http, (await world.app()).client_id)
    page = await browser.page()
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


async def guess(
    http: httpx.AsyncClient, fields: dict[str, str], handle: str, password: str, **headers: str
) -> httpx.Response:
    body = {**fields, **dict(person(handle, password)), "decision": "allow"}
    answer = await http.post("/oauth/log-in", data=body, headers={**BY_SCRIPT, **headers})
    fields["csrf"] = answer.json().get("csrf", fields["csrf"])  # as the page's script does
    return answer


async def attack(world: World, handle: str = "ada") -> list[httpx.Response]:
    """Guess from a browser that never logged in, all at once."""
    async with httpx.AsyncClient(base_url=world.http.base_url, timeout=60) as http:
        fields = await form(world, http)
        cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        tries = (
            guess(http, dict(fields), handle, f"{WRONG} {number}", cookie=cookie)
            for number in range(MANY)
        )
        return await asyncio.gather(*tries)


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


async def test_guesses_at_one_handle_end_whoever_makes_them(world: World) -> None:
    await sign_up(world.http)
    at_ada, at_nobody = await attack(world), await attack(world, "nobody")
    assert statuses(at_ada) == [400] * FREE_GUESSES + [429] * (MANY - FREE_GUESSES)
    # No way to learn who has an account.
    assert statuses(at_nobody) == statuses(at_ada)
    (refused,) = {answer.text for answer in at_ada + at_nobody if answer.status_code == 429}
    assert "STEP_UP_REQUIRED" in refused
    one = max(at_ada, key=lambda answer: answer.status_code)
    assert 0 < int(one.headers["retry-after"]) <= math.ceil(WINDOW_MS / 1_000)
    assert "aviary-device" not in one.cookies


async def test_issuers_count_together_and_the_right_password_is_refused_too(world: World) -> None:
    await sign_up(world.http)
    one, other = world.others(), world.others()
    for number in range(FREE_GUESSES):
        accounts = (one, other)[number % 2]
        handle = ("ada", "ADA")[number % 2]
        assert await accounts.log_in(handle, WRONG, "app") is None
    for accounts in (one, other):
        with pytest.raises(TooManyRequestsError):
            await accounts.log_in("ada", PASSWORD, "app")
        assert await accounts.log_in("ada", PASSWORD, "app", proven=True) is not None
    world.clock.ms += WINDOW_MS
    assert await one.log_in("ada", PASSWORD, "app") is not None


async def test_right_passwords_are_no_guesses_and_forgive_none(world: World) -> None:
    await sign_up(world.http)
    for _ in range(FREE_GUESSES + 1):
        assert await world.accounts.log_in("ada", PASSWORD, "app") is not None
    for _ in range(FREE_GUESSES - 1):
        assert await world.accounts.log_in("ada", WRONG, "app") is None
    assert await world.accounts.log_in("ada", PASSWORD, "app") is not None
    assert await world.accounts.log_in("ada", WRONG, "app") is None
    with pytest.raises(TooManyRequestsError):
        await world.accounts.log_in("ada", PASSWORD, "app")


async def test_owner_gets_in_from_a_browser_that_logged_in_before(world: World) -> None:
    await sign_up(world.http)
    fields = await form(world, world.http)
    first = await guess(world.http, fields, "ada", PASSWORD)
    assert first.status_code == 200
    assert re.search("aviary-device=.*HttpOnly.*SameSite=strict", str(first.headers))
    await attack(world)
    again = await form(world, world.http)
    assert (await guess(world.http, again, "ada", PASSWORD)).status_code == 200
    fields = await form(world, world.http)
    # It guesses from a budget of its own, so a thief of the browser is no better off.
    mistaken = [await guess(world.http, fields, "ada", WRONG) for _ in range(FREE_GUESSES + 1)]
    assert statuses(mistaken) == [400] * FREE_GUESSES + [429]
    # And it is known to this account alone.
    await sign_up(world.http, "bob")
    await attack(world, "bob")
    assert (await guess(world.http, fields, "bob", PASSWORD)).status_code == 429


async def test_owner_gets_in_from_anywhere_after_some_work(world: World) -> None:
    await sign_up(world.http)
    await attack(world)
    fields = await form(world, world.http)
    asked = await guess(world.http, fields, "ada", PASSWORD)
    assert asked.json()["details"][0]["metadata"] == {"challenge": "/v1/challenges"}
    assert asked_for_proof("/oauth/log-in", asked.status_code, asked.content) == "log-in"
    # The form stays good: the page's script sends it once more.
    assert (await guess(world.http, fields, "ada", PASSWORD, **PROVEN)).status_code == 200


async def test_form_without_scripts_says_how_long(world: World) -> None:
    await sign_up(world.http)
    await attack(world)
    page = await Browser(world.http, (await world.app()).client_id).submit("ada", PASSWORD)
    assert (page.status_code, page.headers["content-type"][:9]) == (429, "text/html")
    assert "Too many tries" in page.text
    assert int(page.headers["retry-after"]) > 0


async def test_change_of_password_counts_by_session(world: World) -> None:
    await sign_up(world.http)
    tokens, elsewhere = await logged_in(world), await logged_in(world)
    answers = [await change(world, tokens, WRONG) for _ in range(FREE_GUESSES + 1)]
    assert [answer.status_code for answer in answers] == [403] * FREE_GUESSES + [429]
    assert (await change(world, tokens)).status_code == 429
    # Nobody else is held up by it: no other session, and no log-in.
    assert await world.accounts.log_in("ada", PASSWORD, "app") is not None
    assert (await change(world, elsewhere)).status_code == 200


async def test_sign_up_under_way_takes_no_more_guesses(world: World) -> None:
    dying, _ = world.dying(2, after=False)
    with pytest.raises(CrashError):
        await dying.sign_up("ada", "Ada", PASSWORD)
    for _ in range(FREE_GUESSES):
        with pytest.raises(AlreadyExistsError):
            await world.accounts.sign_up("ada", "Ada", WRONG)
    with pytest.raises(TooManyRequestsError):
        await world.accounts.sign_up("ada", "Ada", PASSWORD)


async def test_new_password_is_guessed_from_no_browser_of_before(world: World) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    account = await world.accounts.log_in("ada", PASSWORD, "app")
    assert account is not None
    # As whoever knew the old password can collect them, each with guesses of its own.
    await world.accounts.remember_device(account, "")
    await world.accounts.remember_device(account, "")
    assert (await change(world, tokens)).status_code == 200
    assert await world.store.devices.all() == {}


async def test_deleted_user_leaves_no_devices(world: World) -> None:
    await sign_up(world.http)
    account = await world.accounts.log_in("ada", PASSWORD, "app")
    assert account is not None
    planted = "planted by a sibling"
    kept = await world.accounts.remember_device(account, planted)
    assert kept != planted
    assert await world.accounts.remember_device(account, kept) == kept
    assert len(await world.store.devices.all()) == 1
    await world.accounts.erase(account.user_id)
    assert await world.store.devices.all() == {}
