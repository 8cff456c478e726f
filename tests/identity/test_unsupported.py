"""What an app asks for that is not supported is refused, not passed over."""

import pytest

from services.platform.errors import InvalidArgumentError
from tests.identity.browser import sent_back
from tests.identity.form_steps import at_the_page, opened, refused
from tests.identity.world import ISSUER, World


async def test_unknown_grants_are_refused(world: World) -> None:
    browser = await at_the_page(world)
    token = (await browser.tokens())["refresh_token"]
    refused(await browser.refresh(token, grant_type="Refresh_Token"), "unsupported_grant_type")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "nothing"}, "invalid_request"),
        ({"prompt": "login none"}, "invalid_request"),
        ({"prompt": "None"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none", "scope": "timeline:read"}, "login_required"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "Query"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.test/"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
)
async def test_what_is_asked_for_and_not_to_be_had_is_reported_to_the_app(
    world: World, changes: dict[str, str], error: str
) -> None:
    browser = await at_the_page(world, **changes)
    back = sent_back(await opened(browser))
    assert (back["error"], back["state"], back["iss"]) == (error, "s1", ISSUER)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": ""},
        {"prompt": "login consent"},
        {"prompt": "select_account"},
        {"response_mode": "query"},
        {"response_mode": ""},
    ],
)
async def test_what_is_asked_for_and_to_be_had_is_given(
    world: World, changes: dict[str, str]
) -> None:
    assert await (await at_the_page(world, **changes)).code()


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        *[("ada", "ada"), ("@ada", "ada"), (" ada ", "ada")],
        *[("ada@mail.test", ""), ('"><b>', ""), ("x" * 16, "")],
    ],
)
async def test_hint_fills_in_the_handle_alone(world: World, hint: str, shown: str) -> None:
    page = await opened(await at_the_page(world), ("login_hint", hint))
    assert (
        f'name="handle" autocomplete="username" autocapitalize="none" spellcheck="false" '
        f'maxlength="32" value="{shown}"' in page.text
    )
    assert page.text.count('name="handle"') == 1
    assert "login_hint" not in page.text


@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
async def test_redirect_uri_has_no_name_of_an_answer(world: World, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=name):
        await world.clients.register("App", [f"https://app.test/?{name}=x"], public=True)
    await world.clients.register("App", ["https://app.test/?tenant=x"], public=True)
