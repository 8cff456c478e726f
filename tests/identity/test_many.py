"""More sessions and keys than one scan gives, and revocations that nothing may forget."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from services.identity.accounts import RESUME_AFTER_MS
from services.identity.lives import REFRESH_TOKEN_S
from services.identity.model import AppKey, Code, RevokedAppKey, digest
from services.identity.revocations import Revocations
from services.platform.tokens.edge_lists import MAX_LISTED
from services.platform.tokens.lives import APP_KEY_S
from services.platform.tokens.revocations import Revocable
from tests.identity.browser import Browser, sign_up
from tests.identity.test_account_endpoints import NEW, change, logged_in
from tests.identity.world import PASSWORD, Edges, World
from tests.unit.user_world import CrashError

T = TypeVar("T")
MANY = 1_100
"""More than a thousand, and no multiple of what a scan gives."""


AT_ONCE = 50
"""Calls of the rows under way: each is to be answered in its time, on a busy machine too."""


async def all_of(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Await many calls, a bounded number at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    return await asyncio.gather(*map(one, calls))


async def many_sessions(world: World, count: int = MANY) -> dict[str, str]:
    """Begin sessions of the first user; gives their refresh tokens by family."""
    code = Code("app", 1, "ada", "", "", "", "", 0, 0)
    families = [f"family-{number}" for number in range(count)]
    tokens = await all_of(
        world.sessions.begin(family, code, "timeline:read") for family in families
    )
    return {family: token for family, token in zip(families, tokens, strict=True) if token}


async def good(world: World, tokens: dict[str, str]) -> list[str]:
    found = await all_of(world.sessions.find_refresh(token) for token in tokens.values())
    return [family for family, one in zip(tokens, found, strict=True) if one is not None]


async def test_new_password_ends_all_sessions_however_many(world: World) -> None:
    await sign_up(world.http)
    mine = await logged_in(world)
    others = await many_sessions(world)
    assert len(await good(world, others)) == MANY
    answer = await change(world, mine)
    assert (answer.status_code, answer.json()) == (200, {"sessions_ended": MANY}), answer.text
    assert await good(world, others) == []
    assert len(world.edges[Revocable.SESSION]) == MANY
    app = Browser(world.http, mine["client_id"])
    assert (await app.refresh(mine["refresh_token"])).status_code == 200
    # What ended is listed no more, so that the next time is as quick as the first.
    assert len(await world.store.sessions.all()) == 1


async def test_deleted_users_sessions_all_end(world: World) -> None:
    await sign_up(world.http)
    others = await many_sessions(world)
    await world.accounts.erase(1)
    assert await good(world, others) == []


async def test_sessions_end_with_the_write_of_the_password(world: World) -> None:
    """The process dies right after it: refresh tokens are no good, and edges learn of it later."""
    await sign_up(world.http)
    mine, other = await logged_in(world), await logged_in(world)
    account = await world.accounts.log_in("ada", PASSWORD, "app")
    assert account is not None
    (live,) = [
        one
        for one in (await world.store.sessions.all()).values()
        if mine["refresh_token"].startswith(one.family_id)
    ]
    session = digest(live.family_id)[:32]
    # Its second write: after the note that it is going to.
    dying, _ = world.dying(2, after=True)
    with pytest.raises(CrashError):
        await dying.change_password(account, PASSWORD, NEW, session=session, client_id="app")
    assert await world.accounts.log_in("ada", NEW, "app") is not None
    assert Revocable.SESSION not in world.edges
    app, another = (Browser(world.http, each["client_id"]) for each in (mine, other))
    assert (await app.refresh(mine["refresh_token"])).status_code == 200
    world.clock.ms += RESUME_AFTER_MS
    await world.accounts.resume()
    assert len(world.edges[Revocable.SESSION]) == 1
    assert await world.store.password_changes.all() == {}
    assert (await another.refresh(other["refresh_token"])).status_code == 400


async def test_refresh_tokens_end_without_anybody_ending_them(world: World) -> None:
    await sign_up(world.http)
    other = await logged_in(world)
    (credential,) = (await world.store.credentials.all()).values()
    changed = replace(credential, generation=credential.generation + 1, kept_session="none")
    assert await world.store.credentials.replace(f"{1:016x}", credential, changed)
    app = Browser(world.http, other["client_id"])
    assert (await app.refresh(other["refresh_token"])).status_code == 400


async def test_code_of_an_earlier_password_is_no_good(world: World) -> None:
    await sign_up(world.http)
    mine = await logged_in(world)
    browser = Browser(world.http, mine["client_id"], scope=None)
    code = await browser.code()
    assert (await change(world, mine)).status_code == 200
    assert (await browser.exchange(code)).status_code == 400


async def test_rows_from_before_generations_are_read_and_replaced(world: World) -> None:
    """Such rows lack the generation, and a change that leaves it alone does not add it."""
    await sign_up(world.http)
    tokens = await logged_in(world)
    for table in ("identity_families", "identity_credentials", "identity_codes"):
        (row,) = await world.rows.scan(table, b"", b"\xff", limit=2)
        assert b"generation" not in row.cells[b"body"]
        assert b"kept_session" not in row.cells[b"body"]
    app = Browser(world.http, tokens["client_id"])
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_all_revoked_api_keys_are_published_and_those_that_expired_are_forgotten(
    world: World,
) -> None:
    keys = world.store.revoked_app_keys
    expires_at_ms = world.clock.ms + APP_KEY_S * 1_000
    await asyncio.gather(
        *(
            keys.put(f"app.{number:05}", RevokedAppKey(expires_at_ms + number))
            for number in range(MANY)
        )
    )
    await world.revocations.publish()
    assert len(world.edges[Revocable.APP_KEY]) == MANY
    world.edges.clear()
    world.clock.ms = expires_at_ms + MANY + 120_000
    await world.revocations.publish()
    assert not world.edges[Revocable.APP_KEY]
    assert await keys.all() == {}


async def test_issuer_publishes_those_that_last_longest_and_of_one_more(world: World) -> None:
    """From the first entry beyond the bound, edges know until when to refuse every key."""
    keys = world.store.revoked_app_keys
    until_ms = [world.clock.ms + number for number in range(1, MAX_LISTED + MANY)]
    await asyncio.gather(*(keys.put(f"app.{until}", RevokedAppKey(until)) for until in until_ms))
    await world.revocations.publish()
    published = world.edges[Revocable.APP_KEY]
    assert len(published) == MAX_LISTED + 1
    assert f"app.{until_ms[-1]}" in published
    assert f"app.{until_ms[-MAX_LISTED - 1]}" in published


async def test_another_issuer_publishes_what_one_that_is_gone_revoked(world: World) -> None:
    await world.revocations.revoke(Revocable.SESSION, "s1")
    until_ms = world.edges[Revocable.SESSION]["s1"]
    edges = Edges()
    await Revocations(world.store, edges, world.clock).publish()
    assert edges[Revocable.SESSION] == {"s1": until_ms}


async def test_all_keys_of_an_app_are_listed_and_those_long_over_are_removed(world: World) -> None:
    app = await world.app()
    keys, over_at_ms = world.store.app_keys, world.clock.ms + APP_KEY_S * 1_000
    await asyncio.gather(
        *(
            keys.put(
                f"{app.client_id}.{number:016x}",
                AppKey(app.client_id, world.clock.ms, over_at_ms, revoked=number % 2 == 0),
            )
            for number in range(MANY)
        )
    )
    assert len(await world.app_keys.of(app.client_id)) == MANY
    world.clock.ms = over_at_ms + 40 * 86_400_000
    assert await world.app_keys.of(app.client_id) == {}
    assert await keys.all() == {}


async def test_sessions_that_expired_are_listed_no_more_and_did_not_end_now(world: World) -> None:
    await sign_up(world.http)
    await many_sessions(world, 3)
    world.clock.ms += (REFRESH_TOKEN_S + 1) * 1_000
    assert await world.sessions.end_all(1) == 0
    assert await world.store.sessions.all() == {}
    assert Revocable.SESSION not in world.edges
