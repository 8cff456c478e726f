"""A disk without room: what cannot be kept is refused, and all is back as soon as there is room."""

import itertools
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.small_disk import SmallDisk, small_disk

DISK_MB = 128  # what Aviary writes until it is ready, several times over
BACK_WITHIN_S = 10.0
MISSED_RENEWAL_S = 37.0
"""A worker number's lease has a minute and is renewed with 40 s left: below, a renewal failed."""
FULL_AT_MOST_S = 60.0
SERVING, REFUSED = 200, 503
PASSWORD = "correct horse battery"  # noqa: S105 - of a test's users
LEASE = re.compile(r"^id_lease_remaining(?:_seconds)?(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
_handles = itertools.count()


class World(NamedTuple):
    disk: SmallDisk
    mesh: Mesh
    author: int
    reader: int


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_disk(tmp_path_factory.mktemp("full") / "disk", DISK_MB) as disk:
        mesh = start(disk.path / "data")
        author, reader = user(mesh), user(mesh)
        follow(mesh, reader, author)
        yield World(disk, mesh, author, reader)
        disk.free()
        assert stop(mesh) == 0


class Asked:
    """Does what writes, and remembers what was acknowledged."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers: dict[str, Counter[int]] = {}
        self.tweets: list[int] = []
        self.reasons: set[str] = set()

    def post(self) -> int:
        body = {"user_id": self._world.author, "text": "still here"}
        answer = self._asked("post", "/v1/tweets", body)
        if answer.is_success:
            self.tweets.append(int(answer.json()["tweet_id"]))
            return SERVING
        return answer.status_code

    def follow(self) -> int:
        body = {"follower_id": self._world.author, "followee_id": self._world.reader}
        # Undone each time, so that each is a change that has to be written.
        self._asked("unfollow", "/v1/unfollow", body)
        return self._asked("follow", "/v1/follow", body).status_code

    def sign_up(self) -> int:
        handle = f"full{next(_handles)}"
        body = {"handle": handle, "display_name": "Ada", "password": PASSWORD}
        return self._asked("sign up", "/oauth/sign-up", body).status_code

    def healthz(self) -> int:
        return self._world.mesh.rest.get("/healthz").status_code

    def _asked(self, what: str, path: str, body: dict[str, object]) -> httpx.Response:
        answer = self._world.mesh.rest.post(path, json=body)
        self.answers.setdefault(what, Counter())[answer.status_code] += 1
        if answer.status_code == REFUSED:
            self.reasons.add(answer.json()["message"])
        return answer


def lease_remaining(mesh: Mesh) -> float:
    targets = json.loads((mesh.data_dir / TARGETS_FILE).read_text())
    (at,) = (each["targets"][0] for each in targets if each["labels"]["job"] == "tweet")
    (found,) = LEASE.findall(httpx.get(f"http://{at}/metrics").text)
    return float(found)


def test_all_is_back_within_ten_seconds_of_room(world: World) -> None:
    disk, mesh = world.disk, world.mesh
    before = [post(mesh, world.author) for _ in range(3)]
    # A home that nobody has read yet is built, and that has to be written.
    eventually(lambda: set(before) <= set(home(mesh, world.reader)), expected=True)
    asked = Asked(world)
    said = {asked.healthz()}
    deadline = time.monotonic() + FULL_AT_MOST_S
    # Full for so long that what a process holds for a while can no longer be renewed.
    while lease_remaining(mesh) > MISSED_RENEWAL_S or REFUSED not in said:
        disk.fill()
        for ask in (asked.post, asked.follow, asked.sign_up):
            assert ask() in {SERVING, REFUSED}, asked.answers
        said.add(asked.healthz())
        # What was kept can be read all the while.
        assert set(before) <= set(home(mesh, world.reader))
        assert time.monotonic() < deadline, (said, lease_remaining(mesh))
    assert all(each[REFUSED] for each in asked.answers.values()), asked.answers
    assert not any("wrong" in each for each in asked.reasons), asked.reasons

    disk.free()
    freed = time.monotonic()
    for ask in (asked.healthz, asked.post, asked.follow, asked.sign_up):
        eventually(ask, SERVING, BACK_WITHIN_S - (time.monotonic() - freed))
    after = [post(mesh, world.author) for _ in range(3)]

    # Nothing that was acknowledged is lost: not before, not meanwhile, not after.
    acknowledged = {*before, *asked.tweets, *after}
    eventually(lambda: acknowledged <= set(home(mesh, world.reader)), expected=True)
    query = {"user_id": world.author, "limit": 100}
    theirs = mesh.rest.get("/v1/timeline/user", params=query).json()["tweets"]
    assert home(mesh, world.reader) == [int(each["tweet_id"]) for each in theirs]
    assert verified(mesh) == 0


def verified(mesh: Mesh) -> int:
    command = [sys.executable, "-m", "services", "audit", "verify", "--data-dir", mesh.data_dir]
    return subprocess.run(command, check=False).returncode


def test_its_logs_say_what_is_not_in_them(world: World) -> None:
    logs = "".join(path.read_text() for path in (world.mesh.data_dir / "logs").glob("*.log*"))
    assert "lines could not be written here" in logs
    assert not list(Path(world.mesh.data_dir / "logs").glob(".*"))


def test_its_logs_are_set_aside_and_the_audit_log_misses_nothing(
    tmp_path: Path,
) -> None:
    mesh = start(tmp_path / "data", AVIARY_LOG_FILE_MB="1", AVIARY_LOG_FILES="3")
    logs = mesh.data_dir / "logs"
    try:
        with httpx.Client(base_url=mesh.rest.base_url) as stranger:
            asked = 0
            while not (logs / "denials.log.1").exists() or asked % 100:
                assert stranger.get("/v1/timeline/home").status_code == 401
                asked += 1
            for _ in range(100):
                assert stranger.get("/v1/timeline/home").status_code == 401
                asked += 1
        eventually(lambda: denied(mesh), asked, 30)
        assert (logs / "access.log.1").exists()
        eventually(lambda: are_below(logs, 1_000_000), expected=True)
        assert not list(logs.glob("*.log.3"))
        # What Envoy writes itself is looked at once a second, and holds what came in between; all
        # else is written here, and never larger.
        large = {path for path in logs.iterdir() if path.stat().st_size > 1_000_000}
        assert {path.name.partition(".")[0] for path in large} <= {"access", "denials"}, large
        assert asked > 1_000
    finally:
        assert stop(mesh) == 0


def are_below(logs: Path, size: int) -> bool:
    with suppress(FileNotFoundError):  # renamed since it was listed
        return all(path.stat().st_size <= size for path in logs.glob("*.log"))
    return False


def denied(mesh: Mesh) -> int:
    """How many refusals the audit log has recorded."""
    logs = (mesh.data_dir / "audit").glob("gateway*.log")
    lines = [line for log in logs for line in log.read_text().splitlines()]
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    facts = [each["facts"] for each in entries if each["event"] == "edge.denied"]
    return sum(each["times"] for each in facts if each.get("status") == 401)
