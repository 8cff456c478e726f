"""Operators' commands on a running system, as typed in a shell."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from services.fanout.spec import FANOUT_REST
from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings
from services.platform.rows.port import CellName, RowMutation, RowStore, TableSpec
from services.platform.specs import ServiceSpec
from services.timeline.keys import home_range
from services.timeline.spec import HOME, SPEC, TABLES
from services.tweet.keys import tweet_row_key
from services.tweet.spec import SPEC as TWEET_SPEC
from services.tweet.spec import TABLES as TWEET_TABLES
from services.tweet.spec import TWEETS
from tests.e2e.acting import eventually, follow, home, post, restart, user
from tests.e2e.conftest import Engine, Mesh, SharedMesh
from tests.e2e.operators import operate
from tests.e2e.redelivery import redelivery

GIVEN_UP_WITHIN_S = 120  # all attempts, with the pauses between them, on a busy machine


@pytest.fixture(scope="module")
def mesh(engine: Engine, shared_mesh: SharedMesh) -> Mesh:
    return shared_mesh.anew(engine)


def queue(mesh: Mesh, name: str) -> list[str]:
    """What `queues` says of one: its backlog, its dead letters and its state."""
    (line,) = (each for each in operate(mesh, "queues").splitlines() if each.startswith(name))
    return line.split()[1:]


def waits_for(mesh: Mesh, name: str, messages: int, state: str) -> None:
    # Pub/Sub gives no backlogs.
    backlog = "unknown" if mesh.engine.emulators else str(messages)
    eventually(lambda: queue(mesh, name)[::2], [backlog, state])


def reader_of(mesh: Mesh, author: int) -> int:
    """A follower whose timeline is built and has everything so far."""
    follower, before = user(mesh), home(mesh, author)
    assert home(mesh, follower) == []
    follow(mesh, follower, author)
    # Posted before the follow, so what shows it is the end of the follow's own work.
    eventually(lambda: home(mesh, follower), before, mesh.engine.within_s)
    return follower


def test_a_paused_queue_waits_until_it_is_resumed(mesh: Mesh) -> None:
    ada = user(mesh)
    before = post(mesh, ada)
    bob, friend = reader_of(mesh, ada), reader_of(mesh, ada)
    follow(mesh, ada, friend)
    operate(mesh, "pause", "fanout.rest")
    try:
        tweet = post(mesh, ada)
        # Friends are in another queue, and come first.
        eventually(lambda: home(mesh, friend), [tweet, before], mesh.engine.within_s)
        waits_for(mesh, "fanout.rest", 1, "paused")
        assert home(mesh, bob) == [before]
    finally:
        operate(mesh, "resume", "--all")
    eventually(lambda: home(mesh, bob), [tweet, before], mesh.engine.within_s)
    waits_for(mesh, "fanout.rest", 0, "running")


def test_the_erasures_of_other_services_wait_while_they_are_paused(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    follow(mesh, bob, ada)
    erasures = ("tweet.erasure", "graph.erasure", "identity.erasure")
    shown = operate(mesh, "pause", *erasures)
    assert shown.count("paused") == len(erasures)
    try:
        # Whoever starts reads what is paused before anything else; who runs does so in a moment.
        for name in erasures:
            restart(mesh, name.partition(".")[0])
        assert mesh.rest.delete(f"/v1/users/{ada}").status_code == 200
        for name in erasures:
            waits_for(mesh, name, 1, "paused")
        assert mesh.rest.get(f"/v1/tweets/{tweet}").status_code == 200
    finally:
        operate(mesh, "resume", *erasures)
    # They go on until nothing that was under way at the deletion can come any more.
    for name in erasures:
        eventually(lambda name=name: queue(mesh, name)[2], "running")
    eventually(lambda: mesh.rest.get(f"/v1/tweets/{tweet}").status_code, 404, mesh.engine.within_s)


def test_a_dead_letter_is_listed_and_redriven(mesh: Mesh) -> None:
    assert "no dead letters" in operate(mesh, "dead-letters", "fanout.rest")
    with redelivery(mesh) as bus:
        bus.publish(FANOUT_REST, b"\xff poison")
    listed = "DecodeError"
    eventually(
        lambda: listed in operate(mesh, "dead-letters", "fanout.rest"),
        expected=True,
        within_s=GIVEN_UP_WITHIN_S,
    )
    assert listed in operate(mesh, "dead-letters")
    (letter,) = json.loads(operate(mesh, "dead-letters", "--json"))["dead_letters"]
    shown = operate(mesh, "show-dead-letter", "fanout.rest", letter["id"], "--json")
    assert base64.b64decode(json.loads(shown)["data"]) == b"\xff poison"
    assert operate(mesh, "export-dead-letters", "fanout.rest") == shown
    assert queue(mesh, "fanout.rest")[1] == ("unknown" if mesh.engine.emulators else "1")
    operate(mesh, "pause", "fanout.rest")
    try:
        assert "put 1 dead letter of" in operate(mesh, "redrive", "fanout.rest", "--all")
        assert "no dead letters" in operate(mesh, "dead-letters", "fanout.rest")
        waits_for(mesh, "fanout.rest", 1, "paused")
    finally:
        operate(mesh, "resume", "fanout.rest")
    # It is tried anew, and is as bad as ever.
    eventually(
        lambda: listed in operate(mesh, "dead-letters", "fanout.rest"),
        expected=True,
        within_s=GIVEN_UP_WITHIN_S,
    )


def drop_all(mesh: Mesh, name: str) -> None:
    """Drop all the dead letters of a queue, among them those of tests before."""
    _, *lines = operate(mesh, "dead-letters", name).splitlines()
    if ids := [line.split()[1] for line in lines]:
        dropped = operate(mesh, "drop-dead-letters", name, *ids)
        assert f"dropped {len(ids)} of {len(ids)}" in dropped
    assert "no dead letters" in operate(mesh, "dead-letters", name)


def test_what_cannot_be_read_spoils_no_other(mesh: Mesh) -> None:
    if mesh.engine.emulators:
        pytest.skip("Pub/Sub takes no entry that it cannot read")
    drop_all(mesh, "fanout.rest")
    ada = user(mesh)
    bob = user(mesh)
    follow(mesh, bob, ada)
    assert home(mesh, bob) == []
    operate(mesh, "pause", "fanout.rest", "fanout.plan")
    bad: dict[Any, Any] = {b"d": b"\xff\x1b[2J", b"a": b"{}", b"n": b"many"}
    with mesh.valkey("bus") as bus:
        tweets = []
        for _ in range(20):
            tweets.insert(0, post(mesh, ada))
            for name in ("fanout.rest", "fanout.plan"):
                bus.xadd(f"bus:{{{name}}}", bad)
        bus.zadd("bus:{fanout.rest}:delayed", {b"\xc1": 1})
    operate(mesh, "resume", "--all")
    eventually(lambda: home(mesh, bob), tweets, mesh.engine.within_s)
    eventually(lambda: queue(mesh, "fanout.rest"), ["0", "21", "running"])
    listed = operate(mesh, "dead-letters", "fanout.rest")
    assert r"b'd': b'\xff\x1b[2J'" in listed
    assert listed.replace("\n", "").isprintable()
    assert "put 21 dead letters of" in operate(mesh, "redrive", "fanout.rest", "--all")
    # The twenty have a body, which is as bad as before; the other is back at once, as it was.
    eventually(
        lambda: operate(mesh, "dead-letters", "fanout.rest").count("DecodeError"),
        20,
        GIVEN_UP_WITHIN_S,
    )
    for name in ("fanout.rest", "fanout.plan"):
        drop_all(mesh, name)
    assert "no dead letters" in operate(mesh, "dead-letters")


async def remembered(mesh: Mesh, tweet_id: int) -> bytes | None:
    """What the tweet's row says of its delivery: only what is pulled is remembered."""
    async with opened_rows(mesh, TWEET_SPEC, TWEET_TABLES) as rows:
        name = CellName(TWEETS.name, tweet_row_key(tweet_id), b"delivery")
        found = (await rows.read_cells([name])).get(name)
        return None if found is None else found.value


def test_a_moved_threshold_is_for_the_next_tweet(mesh: Mesh) -> None:
    ada = user(mesh)
    first = post(mesh, ada)
    bob, _ = reader_of(mesh, ada), reader_of(mesh, ada)
    pushed = post(mesh, ada)
    eventually(lambda: home(mesh, bob), [pushed, first], mesh.engine.within_s)
    assert "up to 2 followers (the default)" in operate(mesh, "threshold")
    assert "up to 1 follower (set by" in operate(mesh, "threshold", "1")
    try:
        pulled = post(mesh, ada)
        eventually(lambda: home(mesh, bob), [pulled, pushed, first], mesh.engine.within_s)
        eventually(lambda: asyncio.run(remembered(mesh, pulled)), b"pull", mesh.engine.within_s)
        assert asyncio.run(remembered(mesh, pushed)) is None
    finally:
        assert "up to 2 followers (the default)" in operate(mesh, "threshold", "default")


def test_a_home_that_lost_its_rows_is_rebuilt(mesh: Mesh) -> None:
    ada = user(mesh)
    tweets = [post(mesh, ada) for _ in range(3)][::-1]
    bob = reader_of(mesh, ada)
    asyncio.run(lose_home(mesh, bob))
    with mesh.valkey("cache") as cache:
        cache.flushall()
    assert home(mesh, bob) == []
    operate(mesh, "rebuild-home", str(bob))
    assert home(mesh, bob) == tweets


def test_what_there_is_not_is_an_error(mesh: Mesh) -> None:
    for command, said in {
        "rebuild-home 12345": "user 12345 does not exist",
        "dead-letters fanout.nobodys": "subscription: must be one of",
        "redrive fanout.nobodys": "subscription: must be one of",
        "pause fanout.nobodys": "is not one of",
        "resume fanout.nobodys": "is not one of",
        "show-dead-letter fanout.rest 1-0": "no dead letter 1-0",
        "drop-dead-letters fanout.rest 1-0": "1 of these ids name no dead letter",
        "app-key list app_nobodys": "there is no app app_nobodys",
        "app-key make app_nobodys": "there is no app app_nobodys",
        "app-key revoke app_nobodys.1": "there is no API key",
        "remove-app app_nobodys": "there is no app app_nobodys",
        "token --user nobody_there": "no user with this handle",
    }.items():
        assert said in operate(mesh, *command.split(), fails=True), command


def test_apps_are_listed_and_removed(mesh: Mesh) -> None:
    made = operate(mesh, "register-app", "web")
    client_id = made.split()[1]
    assert "no API keys" in operate(mesh, "app-key", "list", client_id)
    operate(mesh, "app-key", "make", client_id)
    (app,) = json.loads(operate(mesh, "apps", "--json"))["apps"]
    assert (app["client_id"], app["name"], app["public"]) == (client_id, "web", False)
    (key,) = json.loads(operate(mesh, "app-key", "list", client_id, "--json"))["keys"]
    assert (key["client_id"], key["revoked"]) == (client_id, False)
    assert client_id in operate(mesh, "apps")
    operate(mesh, "remove-app", client_id)
    assert json.loads(operate(mesh, "apps", "--json")) == {"apps": []}
    assert "no apps" in operate(mesh, "apps")


@asynccontextmanager
async def opened_rows(
    mesh: Mesh, spec: ServiceSpec, tables: Sequence[TableSpec]
) -> AsyncIterator[RowStore]:
    """The rows of a service, as it opens them."""
    environment = mesh.stores()
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        if "BIGTABLE_EMULATOR_HOST" in environment:
            # Google's client reads it by itself.
            patch.setenv("BIGTABLE_EMULATOR_HOST", environment["BIGTABLE_EMULATOR_HOST"])
        dependencies = Dependencies(spec, Settings.from_environment(environment), stack)
        yield await dependencies.rows(spec.name, tables)


async def lose_home(mesh: Mesh, viewer: int) -> None:
    async with opened_rows(mesh, SPEC, TABLES) as rows:
        keys, _ = home_range(viewer)
        found = await rows.scan(HOME.name, keys.start, keys.end, limit=100)
        assert found
        await rows.mutate([RowMutation(HOME.name, row.key, delete_row=True) for row in found])


def test_what_cannot_be_is_refused(mesh: Mesh) -> None:
    assert "must be one of engagement.counts" in operate(mesh, "redrive", "nobody", fails=True)
    assert "must be one of engagement.counts" in operate(mesh, "dead-letters", "", fails=True)
    assert "'nobody' is not one of " in operate(mesh, "pause", "nobody", fails=True)
