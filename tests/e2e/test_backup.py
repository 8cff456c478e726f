"""A system that is backed up while it serves, lost, and restored."""

import json
import threading
from pathlib import Path

import pytest

from services.local.backup import contents
from tests.e2e.acting import acknowledged, eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.operators import operate

WITHIN_S = 60.0


def of_author(mesh: Mesh, author: int) -> list[int]:
    answer = mesh.rest.get("/v1/timeline/user", params={"user_id": author, "limit": 200})
    assert answer.status_code == 200, answer.text
    return [int(tweet["tweet_id"]) for tweet in answer.json()["tweets"]]


def backed_up(mesh: Mesh, folder: Path) -> None:
    assert f"{folder} has {mesh.data_dir} as of" in operate(mesh, "backup", str(folder))


def dead_letters(mesh: Mesh) -> list[str]:
    """The queues that they were given up in."""
    letters = json.loads(operate(mesh, "dead-letters", "--json"))["dead_letters"]
    return [each["subscription"] for each in letters]


def restarted(mesh: Mesh, folder: Path) -> Mesh:
    """Lose the system, and start it as the backup has it."""
    data_dir = mesh.data_dir
    assert "is not empty" in operate(mesh, "restore", str(folder), fails=True)
    assert stop(mesh) == 0
    data_dir.rename(data_dir.with_name("lost"))
    assert "is as it was at" in operate(mesh, "restore", str(folder))
    return start(data_dir, AVIARY_CELEBRITY_THRESHOLD="10")


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return start(tmp_path / "data", AVIARY_CELEBRITY_THRESHOLD="10")


def test_homes_are_as_they_were_backed_up(mesh: Mesh, tmp_path: Path) -> None:
    try:
        ada, eve, bob, cid = (user(mesh) for _ in range(4))
        for reader in (bob, cid):
            assert home(mesh, reader) == []
            follow(mesh, reader, ada)
        follow(mesh, bob, eve)
        old = [post(mesh, ada) for _ in range(3)]
        deleted = old.pop()
        eventually(lambda: len(home(mesh, bob)), 3, WITHIN_S)
        mesh.rest.delete(f"/v1/tweets/{deleted}", params={"user_id": ada})
        # What is on its way is in the backup, as it is: here it lies on the bus.
        operate(mesh, "pause", "fanout.rest")
        old += [post(mesh, ada) for _ in range(5)]
        # So is what was given up; this is no message, which is said at once.
        with mesh.valkey("bus") as bus:
            bus.xadd("bus:{list.erasure}", {"d": "of another"})
        eventually(lambda: dead_letters(mesh), ["list.erasure"])
        backed_up(mesh, tmp_path / "backup")

        operate(mesh, "resume", "fanout.rest")
        lost = [post(mesh, ada), post(mesh, eve)]
        eventually(lambda: home(mesh, bob), [*reversed(lost), *reversed(old)], WITHIN_S)
        follow(mesh, cid, eve)
        mesh.rest.delete(f"/v1/tweets/{old[0]}", params={"user_id": ada})
        newcomer = user(mesh)

        mesh = restarted(mesh, tmp_path / "backup")
        assert dead_letters(mesh) == ["list.erasure"]
        before = home(mesh, bob)
        assert before == sorted(before, reverse=True)
        assert set(before) <= set(old)
        operate(mesh, "resume", "fanout.rest")
        for reader in (bob, cid):
            eventually(lambda reader=reader: home(mesh, reader), old[::-1], WITHIN_S)
        assert of_author(mesh, ada) == old[::-1]
        assert of_author(mesh, eve) == []
        assert mesh.rest.get(f"/v1/users/{newcomer}").status_code == 404
        for tweet in lost:
            assert mesh.rest.get(f"/v1/tweets/{tweet}").status_code == 404

        # It goes on: ids are new ones, and what is posted arrives.
        new = [post(mesh, ada), post(mesh, eve)]
        assert min(new) > max(lost)
        eventually(lambda: home(mesh, bob), [*reversed(new), *reversed(old)], WITHIN_S)
        assert user(mesh) not in {ada, eve, bob, cid, newcomer}
    finally:
        assert stop(mesh) == 0


def test_a_backup_under_load_loses_nothing_that_was_acknowledged(
    mesh: Mesh, tmp_path: Path
) -> None:
    try:
        ada, bob = user(mesh), user(mesh)
        assert home(mesh, bob) == []
        follow(mesh, bob, ada)
        kept: list[int] = []
        stopping = threading.Event()

        def write() -> None:
            while not stopping.is_set():
                acknowledged(mesh, ada, kept)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            eventually(lambda: len(kept) >= 20, expected=True, within_s=WITHIN_S)
            sure = list(kept)
            backed_up(mesh, tmp_path / "backup")
            eventually(lambda: len(kept) > len(sure) + 5, expected=True, within_s=WITHIN_S)
        finally:
            stopping.set()
            writer.join()
        mesh = restarted(mesh, tmp_path / "backup")
        theirs = of_author(mesh, ada)
        assert set(sure) <= set(theirs) < set(kept)
        eventually(lambda: home(mesh, bob), theirs, WITHIN_S)
        assert "no dead letters" in operate(mesh, "dead-letters")
    finally:
        assert stop(mesh) == 0


def test_all_that_lasts_is_backed_up(mesh: Mesh) -> None:
    try:
        user(mesh)
        found = {path.name for path in mesh.data_dir.iterdir() if path.suffix != ".db"}
        found = {name for name in found if not name.endswith((".db-wal", ".db-shm"))}
        kept = {contents.BUS, contents.AUDIT, *contents.FILES, *contents.FOLDERS}
        # `make run-mesh` alone makes the first two, and the release before the last.
        others = {"sidecars", "signing.keys", "envoy.yaml"}
        assert found | others == kept | contents.LEFT_OUT
    finally:
        assert stop(mesh) == 0
