"""What end-to-end tests do at the edge: sign up, post, follow, read a home, wait."""

import itertools
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import BIGTABLE_PUBSUB, Mesh, becomes_whole
from tests.e2e.edge_admin import passed_checks

WITHIN_S = BIGTABLE_PUBSUB.within_s  # the slower engine's; only a failing test waits so long
SOON_S, SELDOM_S = 0.05, 0.5
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


def listing(mesh: Mesh, path: str, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a list, page by page; where pages lead back, the way back is read too, and the same.

    It is read again where it changes meanwhile.
    """
    while True:
        pages = _pages(mesh, path, what, query)
        found = [one for page in pages for one in page[what]]
        if "previous_cursor" not in pages[-1]:
            return found
        back = way_back(mesh, path, what, query, pages[-1]["previous_cursor"])
        if _pages(mesh, path, what, query) == pages:
            assert back == found[: len(found) - len(pages[-1][what])]
            return found


def _pages(mesh: Mesh, path: str, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    while not pages or "next_cursor" in pages[-1]:
        cursor = {"cursor": pages[-1]["next_cursor"]} if pages else {}
        answer = mesh.rest.get(path, params=query | cursor)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        assert ("next" in answer.links) == ("next_cursor" in pages[-1])
        is_last = "next_cursor" not in pages[-1]
        assert is_last or len(pages[-1][what]) == query["limit"], "full as long as more exist"
    return pages


def way_back(
    mesh: Mesh, path: str, what: str, query: dict[str, Any], cursor: str
) -> list[dict[str, Any]]:
    """What is on the pages from a previous cursor up to an empty one, newest first."""
    found: list[dict[str, Any]] = []
    while True:
        answer = mesh.rest.get(path, params=query | {"cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["previous_cursor"] in answer.links["prev"]["url"]
        if not page[what]:
            assert page["previous_cursor"] == cursor, "it can be asked again"
            return found
        found, cursor = [*page[what], *found], page["previous_cursor"]


def eventually(get: Callable[[], object], expected: object, within_s: float = WITHIN_S) -> None:
    deadline, pause_s = time.monotonic() + within_s, SOON_S
    while (got := get()) != expected:
        assert time.monotonic() < deadline, f"got {got}, want {expected}"
        time.sleep(pause_s)
        # What takes longer is asked for less often: to ask is work too.
        pause_s = min(pause_s * 1.5, SELDOM_S)


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
    """Halt a running service, the first process of several; give its process id."""
    process_id = mesh.children()[service]
    _halt(mesh, process_id)
    return process_id


def _halt(mesh: Mesh, process_id: int) -> None:
    """Halt a process where it stands, but not within a transaction.

    One that is halted there keeps the file's write lock from all others, as no fault does: one that
    dies gives it back.
    """
    deadline = time.monotonic() + WITHIN_S
    while True:
        os.kill(process_id, signal.SIGSTOP)
        if all(map(_can_be_written, mesh.data_dir.glob("*.db"))):
            return
        os.kill(process_id, signal.SIGCONT)
        assert time.monotonic() < deadline, f"{process_id} never leaves its transactions"


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
    """Halt a service where it stands, all of its processes; at the end it is there for all."""
    eventually(lambda: service in mesh.children(), expected=True)
    halted = mesh.replicas()[service]
    try:
        for process_id in halted:
            _halt(mesh, process_id)
        yield
    finally:
        for process_id in halted:
            # It may have been killed meanwhile.
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)
    assert becomes_whole(mesh)
    _checked_anew(mesh, service, len(halted))


def _checked_anew(mesh: Mesh, service: str, processes: int) -> None:
    """Wait until the edge has checked each process twice: the first may have begun before.

    One that began while it was halted fails later, and the edge then refuses what is asked of it.
    """
    before = passed_checks(mesh.data_dir, service)

    def checked() -> bool:
        now = passed_checks(mesh.data_dir, service)
        return all(now[name] >= count + 2 * processes for name, count in before.items())

    eventually(checked, expected=True)


def kill(mesh: Mesh, service: str) -> list[int]:
    """Kill a service, all of its processes; give their ids."""
    killed = mesh.replicas()[service]
    for process_id in killed:
        os.kill(process_id, signal.SIGKILL)
    return killed


def restart(mesh: Mesh, service: str) -> None:
    """Kill a service, and wait until others have the place of its processes, and are asked."""
    killed = kill(mesh, service)
    eventually(lambda: is_replaced(mesh, service, killed), expected=True)
    assert becomes_whole(mesh)


def is_replaced(mesh: Mesh, service: str, killed: Sequence[int]) -> bool:
    """Whether each of the processes that were killed has another in its place."""
    running = mesh.replicas().get(service, [])
    return len(running) == len(killed) and not set(running) & set(killed)
