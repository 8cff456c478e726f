"""What end-to-end tests do at the edge: sign up, post, follow, read a home, wait."""

import itertools
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx

from tests.e2e.conftest import BIGTABLE_PUBSUB, Mesh

WITHIN_S = BIGTABLE_PUBSUB.within_s  # the slower engine's; only a failing test waits so long
LOCK_TIMEOUT_S = 1.0  # others write too, for milliseconds
_handles = itertools.count()


def user(mesh: Mesh) -> int:
    handle = f"u{next(_handles)}"
    answer = mesh.rest.post("/v1/users", json={"handle": handle, "display_name": handle})
    assert answer.is_success, answer.text
    return int(answer.json()["user"]["user_id"])


def post(mesh: Mesh, author: int, text: str = "hi", **fields: object) -> int:
    body = {"user_id": author, "text": text, **fields}
    answer = mesh.rest.post("/v1/tweets", json=body)
    assert answer.is_success, answer.text
    return int(answer.json()["tweet_id"])


def follow(mesh: Mesh, follower: int, followee: int, verb: str = "follow") -> None:
    body = {"follower_id": follower, "followee_id": followee}
    answer = mesh.rest.post(f"/v1/{verb}", json=body)
    assert answer.status_code == 200, answer.text


def home(mesh: Mesh, viewer: int, limit: int = 50) -> list[int]:
    ids: list[int] = []
    cursor = ""
    while True:
        query = {"user_id": viewer, "limit": limit, "cursor": cursor}
        answer = mesh.rest.get("/v1/timeline/home", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [int(tweet["tweet_id"]) for tweet in page["tweets"]]
        if "next_cursor" not in page:
            return ids
        assert len(page["tweets"]) == limit, "a page is full as long as older tweets exist"
        cursor = page["next_cursor"]


def eventually(get: Callable[[], object], expected: object, within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while (got := get()) != expected:
        assert time.monotonic() < deadline, f"got {got}, want {expected}"
        time.sleep(0.05)


def acknowledged(mesh: Mesh, author: int, kept: list[int]) -> bool:
    body = {"user_id": author, "text": "still here", "request_id": f"r{len(kept)}"}
    try:
        answer = mesh.rest.post("/v1/tweets", json=body)
    except httpx.HTTPError:
        return False
    if answer.is_success:
        kept.append(int(answer.json()["tweet_id"]))
    return answer.is_success


def home_or_none(mesh: Mesh, viewer: int) -> list[int] | None:
    try:
        return home(mesh, viewer)
    except (AssertionError, httpx.HTTPError):
        return None


def halt(mesh: Mesh, service: str) -> int:
    """Halt a running service where it stands, but not within a transaction; give its process id.

    One that is halted there keeps the file's write lock from all others, as no fault does: one that
    dies gives it back.
    """
    process_id = mesh.children()[service]
    deadline = time.monotonic() + WITHIN_S
    while True:
        os.kill(process_id, signal.SIGSTOP)
        if all(map(_can_be_written, mesh.data_dir.glob("*.db"))):
            return process_id
        os.kill(process_id, signal.SIGCONT)
        assert time.monotonic() < deadline, f"{service} never leaves its transactions"


def _can_be_written(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, isolation_level=None)) as rows:
        try:
            rows.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        rows.execute("ROLLBACK")
        return True


@contextmanager
def stopped(mesh: Mesh, service: str) -> Iterator[None]:
    """Halt a service where it stands; it goes on at the end."""
    eventually(lambda: service in mesh.children(), expected=True)
    process_id = halt(mesh, service)
    try:
        yield
    finally:
        # It may have been killed meanwhile.
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGCONT)
