"""Signing up and logging in, with crashes wherever one can be."""

import asyncio
import contextlib
import itertools
import random
import unicodedata
from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from services.identity import accounts as accounts_module
from services.identity.passwords import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Passwords
from services.platform.audit.port import UnwrittenError
from services.platform.errors import AlreadyExistsError, InvalidArgumentError
from tests.identity.browser import sign_up
from tests.identity.world import PASSWORD, World
from tests.unit.user_world import CrashError

LATER_MS = accounts_module.RESUME_AFTER_MS + 1


async def can_log_in(world: World, password: str = PASSWORD) -> bool:
    return await world.accounts.log_in("ada", password, "app") is not None


async def test_who_signed_up_can_log_in_in_any_case_of_the_handle(world: World) -> None:
    answer = await sign_up(world.http, "Ada")
    assert answer.json() == {"user_id": "1", "handle": "Ada"}
    assert await can_log_in(world)
    assert not await can_log_in(world, PASSWORD.upper())
    assert len(world.audit.of("signup.completed")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "x" * (MIN_PASSWORD_CHARS - 1)}, "password"),
        ({"password": "x" * (MAX_PASSWORD_CHARS + 1)}, "password"),
        ({"password": "long enough" + "\u0301" * 31}, "password"),
        ({"password": "\ufb01" * MAX_PASSWORD_CHARS}, "password"),
        ({"password": None}, "password"),
        ({"password": 1234567890}, "password"),
        ({"handle": "not a handle"}, "handle"),
        ({"handle": ""}, "handle"),
        ({"handle": "Admin_"}, "handle"),
        ({"display_name": "\u200b\u2060"}, "display_name"),
        ({"display_name": "a\u202eb"}, "display_name"),
        ({"display_name": ""}, "display_name"),
        ({"admin": True}, "admin"),
    ],
)
async def test_bad_sign_up_is_400_and_leaves_nothing(
    world: World, changes: dict[str, object], field: str
) -> None:
    answer = await sign_up(world.http, **changes)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert answer.json()["message"].startswith(field)
    assert PASSWORD not in answer.text
    assert await world.store.sign_ups.all() == {}
    assert (await sign_up(world.http)).status_code == 200


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 10_000, b"x" * 20_000])
async def test_body_that_is_no_object_is_400(world: World, content: bytes) -> None:
    answer = await world.http.post("/oauth/sign-up", content=content)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


async def test_taken_handle_is_409_also_without_a_credential(world: World) -> None:
    await world.users.service.create("bob", "Bob")
    await sign_up(world.http)
    for handle in ("ada", "ADA", "bob"):
        answer = await sign_up(world.http, handle, password="another password")  # noqa: S106
        assert (answer.status_code, answer.json()["code"]) == (409, 6), answer.text
        assert answer.json()["details"][0]["reason"] == "HANDLE_TAKEN"
    assert await can_log_in(world)
    assert not await can_log_in(world, "another password")
    assert await world.accounts.log_in("bob", "another password", "app") is None


@pytest.mark.parametrize("after", [False, True])
async def test_crash_of_the_issuer_leaves_no_handle_that_nobody_can_use(
    world: World, *, after: bool
) -> None:
    for at in itertools.count(1):
        dying, rows = world.dying(at, after=after)
        handle = f"h{at}"
        with contextlib.suppress(CrashError):
            await dying.sign_up(handle, "Ada", PASSWORD)
        assert rows.crashed or at > 1
        world.clock.ms += LATER_MS
        await world.accounts.resume()
        assert await world.store.sign_ups.all() == {}
        if await world.accounts.log_in(handle, PASSWORD, "app") is None:
            # Nothing was begun: the handle is free, and the person tries again.
            await world.accounts.sign_up(handle, "Ada", PASSWORD)
            assert await world.accounts.log_in(handle, PASSWORD, "app") is not None
        if not rows.crashed:
            break


@pytest.mark.parametrize("after", [False, True])
async def test_crash_of_the_user_service_leaves_none_either(world: World, *, after: bool) -> None:
    for at in itertools.count(1):
        users, rows = world.users.dying(at, after=after)
        handle = f"h{at}"
        with_dying = world.others(users=users)
        try:
            await with_dying.sign_up(handle, "Ada", PASSWORD)
        except CrashError:
            # The person's own retry, with the same password, is as good as the sweep.
            await world.accounts.sign_up(handle, "Ada", PASSWORD)
        assert await world.accounts.log_in(handle, PASSWORD, "app") is not None
        assert await world.store.sign_ups.all() == {}
        if not rows.crashed:
            break


async def test_nobody_else_finishes_a_sign_up_under_way(world: World) -> None:
    dying, _ = world.dying(2, after=False)
    with pytest.raises(CrashError):
        await dying.sign_up("ada", "Ada", PASSWORD)
    with pytest.raises(AlreadyExistsError):
        await world.accounts.sign_up("ada", "Eve", "password of eve")
    world.clock.ms += LATER_MS
    await world.accounts.resume()
    assert await can_log_in(world)


async def test_a_sign_up_dated_ahead_by_a_wrong_clock_is_finished(world: World) -> None:
    dying, _ = world.dying(2, after=False)
    with pytest.raises(CrashError):
        await dying.sign_up("ada", "Ada", PASSWORD)
    world.clock.ms -= 3_600_000
    await world.accounts.resume()
    assert await can_log_in(world)


async def test_two_at_once_make_one_user(world: World) -> None:
    answers = await asyncio.gather(*(sign_up(world.http) for _ in range(4)))
    made = {answer.json().get("user_id") for answer in answers if answer.status_code == 200}
    assert made == {"1"}
    assert await can_log_in(world)


async def test_unknown_user_costs_the_same_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(world.http)
    checked = []
    real = Passwords._verify

    def counted(self: Passwords, password: str, kept: str) -> bool:
        checked.append(kept.split("$")[1:4])
        return real(self, password, kept)

    monkeypatch.setattr(Passwords, "_verify", counted)
    for handle in ("ada", "nobody", "not a handle"):
        assert await world.accounts.log_in(handle, "wrong password", "app") is None
    assert len(checked) == 3
    assert checked[0] == checked[1] == checked[2]


async def test_password_of_nobody_is_no_password(world: World) -> None:
    assert not await world.passwords.matches("of nobody", None)


async def test_password_may_be_typed_on_any_keyboard(world: World) -> None:
    await sign_up(world.http, password="pa\u0308ssword long")  # noqa: S106
    assert await can_log_in(world, "p\u00e4ssword long")


async def test_text_that_cannot_be_a_password_costs_the_same_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(world.http)
    checked = []
    real = Passwords._verify
    monkeypatch.setattr(Passwords, "_verify", lambda *given: checked.append(1) or real(*given))
    for text in ("x" * 10_000, "a" + "\u0301" * 400, "\ud800" * 20):
        assert not await can_log_in(world, text)
    assert len(checked) == 3


async def test_longest_password_in_most_code_points(world: World) -> None:
    # Each composes from four to one; in an order that is not easy to guess.
    order = random.Random(0).choices("\u1f82\u1f92\u1fa2", k=MAX_PASSWORD_CHARS)  # noqa: S311
    await sign_up(world.http, password=unicodedata.normalize("NFD", "".join(order)))
    assert await can_log_in(world, "".join(order))


async def test_password_is_kept_as_argon2id(world: World) -> None:
    await sign_up(world.http)
    credential = await world.store.credentials.get(f"{1:016x}")
    assert credential is not None
    assert credential.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with pytest.raises(InvalidArgumentError):
        await world.passwords.hash("short")


async def test_loop_goes_on_while_passwords_are_hashed(world: World) -> None:
    hashing = [asyncio.create_task(world.passwords.hash(PASSWORD)) for _ in range(4)]
    turns = 0
    while not all(one.done() for one in hashing):
        await asyncio.sleep(0)
        turns += 1
    # In the loop each hash would be one turn.
    assert turns > 100


async def test_a_sign_up_that_cannot_be_recorded_is_finished_later_and_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit log has no room: 503, and nobody is let in who is not recorded."""

    def full(_event: str, /, **_: object) -> None:
        raise UnwrittenError

    monkeypatch.setattr(world.audit, "record", full)
    answer = await sign_up(world.http)
    assert (answer.status_code, answer.json()["code"]) == (503, 14)
    assert "cannot be written" in answer.json()["message"]
    monkeypatch.undo()
    assert not await can_log_in(world)
    world.clock.ms += LATER_MS
    await world.accounts.resume()
    assert await can_log_in(world)
    assert len(world.audit.of("signup.completed")) == 1


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password123", "very common"),
        ("          ", "Repeats"),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "Repeats"),
        ("qwertyuiop", "top-100"),
        ("1234567890", "top-100"),
        ("Ada_Lovelace", "made of too little"),
        ("countess of a", "made of too little"),
        ("aviaryaviary", "Repeats"),
        ("p@ssw0rd2024", "similar to a commonly used"),
    ],
)
async def test_weak_passwords_are_refused_and_told_why(
    world: World, password: str, why: str
) -> None:
    names = {"handle": "ada_lovelace", "display_name": "Countess of A"}
    answer = await sign_up(world.http, **{**names, "password": password})
    assert answer.status_code == 400, answer.text
    assert answer.json()["details"][0]["reason"] == "WEAK_PASSWORD"
    assert why in answer.json()["message"]
    assert password not in answer.text
    assert await world.store.sign_ups.all() == {}


async def test_long_password_is_judged_and_taken(world: World) -> None:
    # Longer than zxcvbn takes, and of what it has most to try with.
    password = ("4@8({[<369!1|0$+7" * 8)[:MAX_PASSWORD_CHARS]
    assert (await sign_up(world.http, password=password)).status_code == 200
    assert await can_log_in(world, password)


async def test_password_from_before_the_rule_goes_on_being_one(world: World) -> None:
    await sign_up(world.http)
    key, credential = next(iter((await world.store.credentials.all()).items()))
    weak, older = "password123", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    await world.store.credentials.put(key, replace(credential, password_hash=older.hash(weak)))
    assert await can_log_in(world, weak)
    kept = await world.store.credentials.get(key)
    assert kept is not None
    assert not world.passwords.is_outdated(kept.password_hash)
    assert await can_log_in(world, weak)
