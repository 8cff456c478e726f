"""The runbooks in docs/how-to/: what they say to type is typed, and does what they say."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from services.fanout.spec import FANOUT_REST
from services.platform.specs import all_specs
from tests.e2e.acting import eventually, follow, home, home_or_none, post, user
from tests.e2e.conftest import SIDECARS, Mesh, start, stop
from tests.e2e.operators import operate
from tests.e2e.redelivery import redelivery
from tests.e2e.runbooks import Reader

WITHIN_S = 60.0
GIVEN_UP_WITHIN_S = 120  # eight attempts, with pauses of up to 25 s in all, on a busy machine
CALLED = ("user", "tweet", "graph", "timeline")  # each time that somebody posts and reads
PROCESSES = tuple(all_specs())
LETTER_SHOWN = "1795553072983-0"
"""The id of a dead letter in the page's examples."""

of_make_run = pytest.mark.skipif(
    SIDECARS, reason="of `make run`: behind a sidecar, that has the port and the certificate"
)


def started(folder: Path, **environment: str) -> Mesh:
    settings = {"AVIARY_CELEBRITY_THRESHOLD": "500000", **environment}
    return start(folder / ".data", **settings)


def reader(name: str, mesh: Mesh, **environment: str) -> Reader:
    return Reader(name, mesh.data_dir.parent, mesh.rest.base_url.port or 80, **environment)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = started(tmp_path_factory.mktemp("checkout"))
    yield running
    assert stop(running) == 0


def reader_of(mesh: Mesh, author: int) -> int:
    follower, before = user(mesh), home(mesh, author)
    assert home(mesh, follower) == []
    follow(mesh, follower, author)
    eventually(lambda: home(mesh, follower), before, WITHIN_S)
    return follower


def dead_letters(mesh: Mesh) -> list[str]:
    lines = operate(mesh, "dead-letters").splitlines()
    return [line.split()[1] for line in lines if line.startswith("fanout.rest")]


def with_a_letter(mesh: Mesh, block: str) -> str:
    """The block with the id of a letter there is; one that was put back comes by another."""
    if LETTER_SHOWN not in block:
        return block
    eventually(lambda: bool(dead_letters(mesh)), expected=True, within_s=GIVEN_UP_WITHIN_S)
    return block.replace(LETTER_SHOWN, dead_letters(mesh)[0])


def test_the_fan_out_is_operated(mesh: Mesh) -> None:
    runbook = reader("operate-the-fan-out.md", mesh)
    runbook.do("How far behind is it?")
    with redelivery(mesh) as bus:
        bus.publish(FANOUT_REST, b"\xff poison")
    for block in runbook.blocks("A message was given up"):
        runbook.paste(with_a_letter(mesh, block))
    runbook.do("Stop part of it for a while")
    assert "paused" not in operate(mesh, "queues")


def test_a_hot_celebrity_is_no_longer_pushed(mesh: Mesh) -> None:
    runbook = reader("operate-the-fan-out.md", mesh)
    runbook.do("One author floods the queues")
    assert "the default" in operate(mesh, "threshold")
    ada = user(mesh)
    before = post(mesh, ada)
    bob = reader_of(mesh, ada)
    (build,) = runbook.blocks("Somebody's home timeline lacks tweets")
    command = build.splitlines()[0].removeprefix("$ ").rpartition(" ")[0]
    assert str(bob) in runbook.shell(f"{command} {bob}")
    assert home(mesh, bob) == [before]


def reloads(mesh: Mesh, event: str) -> dict[str, int]:
    logs = mesh.data_dir / "logs"
    return {name: (logs / f"{name}.log").read_text().count(event) for name in PROCESSES}


def step(mesh: Mesh, runbook: Reader, line: str, event: str, services: Iterable[str]) -> None:
    """Do one line of several, and wait as the runbook says: until these services have followed."""
    before = reloads(mesh, event)
    runbook.shell(line)

    def followed() -> bool:
        # They look at their keys when they are called.
        reader = user(mesh)
        post(mesh, reader)
        home(mesh, reader)
        now = reloads(mesh, event)
        return all(now[name] > before[name] for name in services)

    eventually(followed, expected=True, within_s=WITHIN_S)


@of_make_run
def test_certificates_are_replaced(mesh: Mesh) -> None:
    runbook = reader("rotate-certificates-and-keys.md", mesh)
    shown, _ = runbook.blocks("See what is in use")[0].splitlines()
    assert "spiffe://aviary.local/tweet" in runbook.shell(shown)
    renew, one = runbook.blocks("Renew certificates")
    runbook.shell(renew)
    before = runbook.shell(shown)
    runbook.shell(one)
    assert runbook.shell(shown) != before
    eventually(lambda: reloads(mesh, "tls.reloaded")["tweet"] > 0, expected=True, within_s=WITHIN_S)
    for line in runbook.blocks("Replace the authority")[0].splitlines():
        step(mesh, runbook, line, "tls.reloaded", PROCESSES)
    assert post(mesh, user(mesh))
    assert "tls.reloaded" in runbook.shell(runbook.blocks("See what is in use")[0].splitlines()[1])


def test_signing_keys_are_replaced(tmp_path: Path) -> None:
    keys = tmp_path / "signing.keys"
    unstarted = Reader("rotate-certificates-and-keys.md", tmp_path, 80)
    make = unstarted.blocks("Sign requests")[0]
    *lines, started_with = make.splitlines()
    unstarted.shell("\n".join(lines))
    assert started_with == "AVIARY_SIGNING_KEYS_FILE=signing.keys make run"
    mesh = started(tmp_path, AVIARY_SIGNING_KEYS_FILE=str(keys))
    try:
        environment = {"AVIARY_SIGNING_KEYS_FILE": str(keys)}
        runbook = reader("rotate-certificates-and-keys.md", mesh, **environment)
        ada = user(mesh)
        bob = reader_of(mesh, ada)
        umask, made, *steps, removed = runbook.blocks("Replace a signing key")[0].splitlines()
        runbook.shell(f"{umask}\n{made}")
        for line in steps:
            # What an old key signed a minute ago is for who has calls under way.
            if not line.startswith("sleep"):
                step(mesh, runbook, line, "signing.keys_reloaded", CALLED)
        runbook.shell(removed)
        assert [each.split(":")[0] for each in keys.read_text().splitlines()] == ["k2"]
        tweet = post(mesh, ada)
        eventually(lambda: home(mesh, bob), [tweet], WITHIN_S)
        assert "running" in runbook.shell("python -m services queues")
    finally:
        assert stop(mesh) == 0


@of_make_run
def test_what_dies_comes_back(mesh: Mesh) -> None:
    runbook = reader("fail-over.md", mesh)
    runbook.helpers()
    ada = user(mesh)
    tweets = [post(mesh, ada)]
    bob = reader_of(mesh, ada)
    (health,) = runbook.do("What is it?")
    assert json.loads(health)["status"]
    pid = mesh.children()["timeline"]
    runbook.do("A service has died, or hangs")
    eventually(lambda: mesh.children().get("timeline", pid) != pid, expected=True)
    # Not `healthz` alone: the edge asks each process by itself, and may be some moments behind.
    eventually(lambda: home_or_none(mesh, bob), tweets, WITHIN_S)
    eventually(lambda: mesh.rest.get("/healthz").status_code, 200, WITHIN_S)
    for heading in ("The cache is gone, or wrong", "The bus is gone"):
        runbook.paste(runbook.blocks(heading)[0].splitlines()[0])
        # It is taken all the same.
        tweets.insert(0, post(mesh, ada))
        runbook.shell("well")
        eventually(lambda: home(mesh, bob), tweets, WITHIN_S)
    for block in runbook.blocks("The cache is gone, or wrong")[1:]:
        runbook.paste(block)
    assert home(mesh, bob) == tweets


def test_a_bus_that_is_lost_is_done_without(tmp_path: Path) -> None:
    mesh = started(tmp_path)
    try:
        created = mesh.rest.post("/v1/users", json={"handle": "ada", "display_name": "Ada"})
        ada = int(created.json()["user"]["user_id"])
        tweets = [post(mesh, ada)]
        bob, cyd = reader_of(mesh, ada), reader_of(mesh, ada)
        operate(mesh, "pause", "--all")
        tweets.insert(0, post(mesh, ada))
        eventually(lambda: "1" in queue(mesh, "fanout.plan"), expected=True, within_s=WITHIN_S)
        assert stop(mesh) == 0
        (mesh.data_dir / "bus").rename(mesh.data_dir / "bus.lost")
        mesh = started(tmp_path)
        operate(mesh, "resume", "--all")
        assert home(mesh, bob) == tweets[1:], "the event was not on the bus"
        runbook = reader("fail-over.md", mesh)
        runbook.helpers()
        *_, rebuild = runbook.blocks("The bus is gone")
        # Smaller pages than anybody has, so that two followers are two of them.
        assert "limit=200" in rebuild
        runbook.paste(rebuild.replace("limit=200", "limit=1"))
        for follower in (bob, cyd):
            assert home(mesh, follower) == tweets
        assert stop(mesh) == 0
        for path in mesh.data_dir.glob("timeline.db*"):
            path.rename(path.with_name(f"lost.{path.name}"))
        mesh = started(tmp_path)
        assert home(mesh, bob) == tweets
    finally:
        assert stop(mesh) == 0


def queue(mesh: Mesh, name: str) -> list[str]:
    (line,) = (each for each in operate(mesh, "queues").splitlines() if each.startswith(name))
    return line.split()


def test_a_backup_is_restored(tmp_path: Path) -> None:
    mesh = started(tmp_path)
    try:
        ada = user(mesh)
        tweet = post(mesh, ada)
        bob = reader_of(mesh, ada)
        runbook = reader("back-up-and-restore.md", mesh)
        runbook.do("Back up")
        post(mesh, ada)
        assert stop(mesh) == 0
        runbook.do("Restore")
        mesh = started(tmp_path)
        assert home(mesh, bob) == [tweet]
        reader("back-up-and-restore.md", mesh).do("After a restore")
        # It holds keys and hashes of passwords.
        assert (tmp_path / "backup-1.tgz").stat().st_mode & 0o077 == 0
        assert (tmp_path / ".data.lost" / "audit").is_dir()
    finally:
        assert stop(mesh) == 0
