"""Codes and refresh tokens over HTTP: each is good once, and a copy of one ends them all."""

import asyncio
import secrets

from tests.identity.oauth_steps import logged_in, refused
from tests.identity.world import (
    PASSWORD,
    World,
)


async def test_code_is_good_once_and_its_theft_ends_what_came_of_it(world: World) -> None:
    browser = await logged_in(world)
    code = await browser.code()
    made = (await browser.exchange(code)).json()
    refused(await browser.exchange(code), "invalid_grant")
    refused(await browser.refresh(made["refresh_token"]), "invalid_grant")
    (reused,) = world.audit.of("token.reused")
    assert (reused["kind"], reused["user_id"]) == ("code", 1)


async def test_of_two_who_bring_a_code_at_once_at_most_one_gets_tokens(world: World) -> None:
    browser = await logged_in(world)
    code = await browser.code()
    answers = await asyncio.gather(*(browser.exchange(code) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) <= 1
    for made in good:
        refused(await browser.refresh(made["refresh_token"]), "invalid_grant")


async def test_code_is_bound_to_its_app_verifier_and_redirect(world: World) -> None:
    browser = await logged_in(world)
    other = await world.clients.register("Other", ["https://other.test/cb"], public=True)
    code = await browser.code()
    for change, error in (
        ({"code_verifier": secrets.token_urlsafe(48)}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "https://other.test/cb"}, "invalid_grant"),
        ({"client_id": other.client_id}, "invalid_grant"),
    ):
        refused(await browser.exchange(code, **change), error)
    # None of these used it up, so nobody can spoil a log-in with a code they cannot use.
    assert (await browser.exchange(code)).status_code == 200


async def test_code_is_good_for_a_minute(world: World) -> None:
    browser = await logged_in(world)
    code = await browser.code()
    world.clock.ms += 60_000
    refused(await browser.exchange(code), "invalid_grant")


async def test_refresh_token_is_good_once_and_reuse_ends_the_family(world: World) -> None:
    browser = await logged_in(world)
    first = (await browser.tokens())["refresh_token"]
    second = (await browser.refresh(first)).json()["refresh_token"]
    third = (await browser.refresh(second)).json()["refresh_token"]
    assert len({first, second, third}) == 3
    # The thief comes with an old one; from here on nobody's is good.
    refused(await browser.refresh(first), "invalid_grant")
    refused(await browser.refresh(third), "invalid_grant")
    (reused,) = world.audit.of("token.reused")
    assert (reused["kind"], reused["user_id"]) == ("refresh_token", 1)


async def test_of_two_who_refresh_at_once_at_most_one_gets_tokens(world: World) -> None:
    browser = await logged_in(world)
    token = (await browser.tokens())["refresh_token"]
    answers = await asyncio.gather(*(browser.refresh(token) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) <= 1
    for made in good:
        refused(await browser.refresh(made["refresh_token"]), "invalid_grant")


async def test_refresh_token_is_bound_to_its_app_and_may_only_lose_scope(world: World) -> None:
    browser = await logged_in(world)
    other = await world.app()
    made = await browser.tokens()
    refused(
        await browser.refresh(made["refresh_token"], client_id=other.client_id), "invalid_grant"
    )
    refused(await browser.refresh(made["refresh_token"], scope="blocks:write"), "invalid_scope")
    less = (await browser.refresh(made["refresh_token"], scope="timeline:read")).json()
    assert less["scope"] == "timeline:read"
    whole = (await browser.refresh(less["refresh_token"])).json()
    assert whole["scope"] == made["scope"]


async def test_refresh_token_ends_with_its_time_and_with_its_user(world: World) -> None:
    browser = await logged_in(world)
    old = (await browser.tokens())["refresh_token"]
    world.clock.ms += 30 * 86_400_000
    refused(await browser.refresh(old), "invalid_grant")
    token = (await browser.tokens())["refresh_token"]
    await world.users.service.delete(1)
    refused(await browser.refresh(token), "invalid_grant")
    assert (await browser.submit("ada", PASSWORD)).status_code == 400


async def test_code_of_a_user_who_is_gone_gives_nothing(world: World) -> None:
    browser = await logged_in(world)
    code = await browser.code()
    await world.users.service.delete(1)
    refused(await browser.exchange(code), "invalid_grant")


async def test_revoked_refresh_token_is_dead(world: World) -> None:
    browser = await logged_in(world)
    token = (await browser.tokens())["refresh_token"]
    form = {"token": token, "client_id": browser.asked["client_id"]}
    for _ in range(2):
        assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200
    refused(await browser.refresh(token), "invalid_grant")
    assert len(world.audit.of("token.revoked")) == 1


async def test_nobody_revokes_anothers_token(world: World) -> None:
    browser = await logged_in(world)
    other = await world.app()
    token = (await browser.tokens())["refresh_token"]
    form = {"token": token, "client_id": other.client_id}
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 400
    assert (await browser.refresh(token)).status_code == 200
