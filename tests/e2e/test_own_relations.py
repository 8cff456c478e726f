"""What a user changes of their relations, as their very next read of the home timeline shows it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.fanout.spec import GRAPH
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate
from tests.e2e.test_graph import done


@contextmanager
def paused(mesh: Mesh) -> Iterator[None]:
    """The fan-out takes no change of the graph."""
    operate(mesh, "pause", GRAPH.name)
    try:
        yield
    finally:
        operate(mesh, "resume", GRAPH.name)


@pytest.fixture
def friends(mesh: Mesh) -> tuple[int, int, int]:
    """Two users who follow each other and a third, and have all read it."""
    ada, bob, cyd = (user(mesh) for _ in range(3))
    for one, other in ((ada, bob), (bob, ada), (ada, cyd), (bob, cyd)):
        follow(mesh, one, other)
    return ada, bob, cyd


def test_changes_show_at_the_next_read_also_while_the_queue_is_paused(
    mesh: Mesh, friends: tuple[int, int, int]
) -> None:
    ada, bob, cyd = friends
    by_ada, by_bob, by_cyd = (post(mesh, author) for author in friends)
    for viewer in (ada, bob):
        eventually(lambda v=viewer: home(mesh, v), [by_cyd, by_bob, by_ada])
    with paused(mesh):
        done(mesh, "mute", muter_id=ada, muted_id=cyd)
        assert home(mesh, ada) == [by_bob, by_ada]
        done(mesh, "unmute", muter_id=ada, muted_id=cyd)
        assert home(mesh, ada) == [by_cyd, by_bob, by_ada]
        follow(mesh, bob, cyd, "unfollow")
        assert home(mesh, bob) == [by_bob, by_ada]
        done(mesh, "block", blocker_id=ada, blocked_id=bob)
        assert home(mesh, ada) == [by_cyd, by_ada]
        assert home(mesh, bob) == [by_bob]
    # As it was before it was paused, so that what came meanwhile is done with.
    done(mesh, "unblock", blocker_id=ada, blocked_id=bob)
    follow(mesh, bob, ada)
    eventually(lambda: home(mesh, bob), [by_bob, by_ada])


def test_a_follow_shows_what_comes_at_once_and_what_was_when_it_was_handled(
    mesh: Mesh, friends: tuple[int, int, int]
) -> None:
    ada, bob, _ = friends
    eve = user(mesh)
    earlier = post(mesh, eve)
    own = post(mesh, ada)
    eventually(lambda: home(mesh, ada), [own])
    with paused(mesh):
        follow(mesh, ada, eve)
        later = post(mesh, eve)
        eventually(lambda: home(mesh, ada), [later, own])
    eventually(lambda: home(mesh, ada), [later, own, earlier])
    assert home(mesh, bob) == [own]
