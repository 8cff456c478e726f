"""What an authorization request asks for and cannot have, as the app is told of it."""

import pytest

from tests.identity.browser import sent_back
from tests.identity.form_steps import at_the_page
from tests.identity.world import ISSUER, World


@pytest.mark.parametrize("name", ["request", "request_uri", "registration"])
@pytest.mark.parametrize(
    "changes", [{}, {"code_challenge": None}, {"scope": "act:any"}, {"prompt": "nothing"}]
)
async def test_request_objects_are_refused_by_name_before_what_they_may_hold(
    world: World, name: str, changes: dict[str, str | None]
) -> None:
    browser = await at_the_page(world, **changes, **{name: "https://app.test/r"})
    assert sent_back(await browser.page())["error"] == f"{name}_not_supported"


@pytest.mark.parametrize("mode", ["form_post", "fragment", "web_message"])
async def test_other_response_modes_are_an_error_for_the_app(world: World, mode: str) -> None:
    back = sent_back(await (await at_the_page(world, response_mode=mode)).page())
    assert (back["error"], back["state"], back["iss"]) == ("invalid_request", "s1", ISSUER)


@pytest.mark.parametrize("kind", [None, '"', "token", "code token", "id_token"])
async def test_other_response_types_are_an_error_for_the_app(
    world: World, kind: str | None
) -> None:
    back = sent_back(await (await at_the_page(world, response_type=kind)).page())
    expected = "unsupported_response_type" if kind else "invalid_request"
    assert (back["error"], back["state"]) == (expected, "s1")
