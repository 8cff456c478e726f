"""The machine's clock is wrong while everything runs, and right again without a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.moved_clock import MovedClock

HOUR_S = 3_600
CELEBRITY_FOLLOWERS = 3  # one more than tests let be pushed to


@pytest.fixture
def clock(tmp_path: Path) -> MovedClock:
    return MovedClock(tmp_path)


@pytest.fixture
def moved(tmp_path: Path, clock: MovedClock) -> Iterator[Mesh]:
    """Everything, with a clock an hour ahead from the start."""
    clock.set(HOUR_S)
    mesh = start(tmp_path / "data", **clock.environment)
    yield mesh
    assert stop(mesh) == 0


def is_healthy(mesh: Mesh) -> bool:
    return mesh.rest.get("/healthz").status_code == 200


def said(mesh: Mesh) -> str:
    return str(mesh.rest.get("/healthz").json().get("message"))


def test_writes_go_on_when_a_clock_that_was_ahead_is_right(moved: Mesh, clock: MovedClock) -> None:
    author, reader = user(moved), user(moved)
    follow(moved, reader, author)
    posted = [post(moved, author)]
    eventually(lambda: home(moved, reader), posted)
    clock.set(0)
    others = [user(moved) for _ in range(3)]
    assert min(others) > max(author, reader)
    for other in others:
        follow(moved, reader, other)
        posted += [post(moved, other), post(moved, author)]
    assert posted == sorted(posted)
    eventually(lambda: home(moved, reader), posted[::-1])
    # What was followed while the clock was ahead can be unfollowed, and followed again.
    follow(moved, reader, author, "unfollow")
    eventually(lambda: home(moved, reader), posted[-2::-2])
    follow(moved, reader, author)
    eventually(lambda: home(moved, reader), posted[::-1])
    # Nothing of it is for the moment alone: leases are renewed, and health is polled.
    eventually(lambda: is_healthy(moved), True)  # noqa: FBT003 - what is wanted
    posted.append(post(moved, author))
    eventually(lambda: home(moved, reader), posted[::-1])


def test_new_celebrities_show_while_the_clock_is_behind(moved: Mesh, clock: MovedClock) -> None:
    author, readers = user(moved), [user(moved) for _ in range(CELEBRITY_FOLLOWERS)]
    for reader in readers:
        follow(moved, reader, author)
        assert home(moved, reader) == []
    clock.set(-HOUR_S)
    tweet = post(moved, author)
    for reader in readers:
        eventually(lambda reader=reader: home(moved, reader), [tweet])
    assert is_healthy(moved)


def test_a_clock_that_cannot_be_right_is_refused_aloud(moved: Mesh, clock: MovedClock) -> None:
    author = user(moved)
    # At such a time no certificate is valid yet: what is asked goes by connections that are open.
    assert is_healthy(moved)
    clock.set(-30 * 24 * HOUR_S)
    body = {"user_id": author, "text": "hi"}
    refused = moved.rest.post("/v1/tweets", json=body)
    assert refused.status_code == 503
    eventually(lambda: is_healthy(moved), False)  # noqa: FBT003 - what is wanted
    eventually(lambda: said(moved), "not ready: engagement, graph, id, list, media, tweet, user")
    clock.set(HOUR_S)
    eventually(lambda: is_healthy(moved), True)  # noqa: FBT003 - what is wanted
    assert post(moved, author) > author
