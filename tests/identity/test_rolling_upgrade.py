"""Two issuers on the same rows, of which the newer writes one field more into each record."""

import pytest

from services.identity.accounts import Accounts
from services.identity.model import Code
from services.identity.sessions import Sessions
from services.identity.spec import TABLES
from services.identity.store import IdentityStore
from services.platform.rows.port import RowMutation, RowStore
from tests.contract.newer_rows import NewerRows, says_more
from tests.identity.browser import sign_up
from tests.identity.world import PASSWORD, REDIRECT, World

NEW = "another horse battery"


def sessions_of(world: World, rows: RowStore) -> Sessions:
    return Sessions(IdentityStore(rows), world.revocations, world.clock, world.audit)


def code(user_id: int = 1) -> Code:
    return Code("app", user_id, "ada", REDIRECT, "openid", "c", "n", 0, 0)


async def begun(sessions: Sessions) -> str:
    found = await sessions.find_code(await sessions.issue_code(code()), "app")
    assert found is not None
    family_id = await sessions.redeem(*found)
    assert family_id is not None
    token = await sessions.begin(family_id, found[1], "openid")
    assert token is not None
    return token


async def rotated(sessions: Sessions, token: str) -> str:
    found = await sessions.find_refresh(token)
    assert found is not None
    following = await sessions.rotate(*found)
    assert following is not None
    return following


async def test_refresh_tokens_are_used_at_either_in_turn(world: World) -> None:
    await sign_up(world.http)
    newer, older = sessions_of(world, NewerRows(world.rows)), world.sessions
    token = await begun(newer)
    for number in range(4):
        token = await rotated((older, newer)[number % 2], token)
    assert world.audit.of("token.reused") == []
    (row,) = await world.rows.scan("identity_families", b"", b"\xff", limit=9)
    assert says_more(row.cells[b"body"])
    await older.revoke(token.partition(".")[0])
    assert await newer.find_refresh(token) is None


async def test_code_of_the_newer_is_redeemed_at_the_older(world: World) -> None:
    await sign_up(world.http)
    text = await sessions_of(world, NewerRows(world.rows)).issue_code(code())
    found = await world.sessions.find_code(text, "app")
    assert found is not None
    assert await world.sessions.redeem(*found) is not None
    assert world.audit.of("token.reused") == []


@pytest.mark.parametrize("newer_first", [True, False])
async def test_accounts_are_made_changed_and_erased_at_either(
    world: World, *, newer_first: bool
) -> None:
    newer, older = world.others(NewerRows(world.rows)), world.accounts
    one, other = (newer, older) if newer_first else (older, newer)
    account = await one.sign_up("ada", "Ada", PASSWORD)
    shown = await other.log_in("ada", PASSWORD, "app")
    assert shown is not None
    secret = await one.remember_device(account, "")
    assert await other.remember_device(account, secret) == secret

    async def change(accounts: Accounts, old: str, new: str) -> int:
        return await accounts.change_password(account, old, new, session="s", client_id="app")

    await change(one, PASSWORD, NEW)
    await change(other, NEW, PASSWORD)
    for accounts in (one, other):
        assert await accounts.log_in("ada", PASSWORD, "app") is not None
        await accounts.resume()
    await other.erase(account.user_id)
    assert await world.store.credentials.all() == {}
    assert await world.store.devices.all() == {}


async def test_every_record_of_a_newer_issuer_can_be_read(world: World) -> None:
    await sign_up(world.http)
    app = await world.app()
    await world.app_keys.revoke((await world.app_keys.make(app.client_id)).key_id)
    await begun(world.sessions)
    for table in TABLES:
        rows = await world.rows.scan(table.name, b"", b"\xff", limit=100)
        await NewerRows(world.rows).mutate(
            [RowMutation(table.name, row.key, row.cells) for row in rows if b"body" in row.cells]
        )
    for records in vars(world.store).values():
        if hasattr(records, "all"):
            for key, record in (await records.all()).items():
                assert await records.replace(key, record, record)
    await world.keyring.refresh()
    await world.revocations.publish()
