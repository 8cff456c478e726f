"""Readers who hide more users than their relations list; here that is more than one."""

from collections.abc import Callable

import pytest

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import ENVIRONMENT, Mesh
from tests.e2e.test_graph import done
from tests.e2e.test_muted_words import paused, search, word

LISTED = int(ENVIRONMENT["AVIARY_MAX_HIDDEN_LISTED"])
MANY = LISTED + 1

Hide = Callable[..., None]


def muting(mesh: Mesh, reader: int, author: int, verb: str = "mute") -> None:
    done(mesh, verb, muter_id=reader, muted_id=author)


def blocking(mesh: Mesh, reader: int, author: int, verb: str = "block") -> None:
    done(mesh, verb, blocker_id=reader, blocked_id=author)


def blocked_by(mesh: Mesh, reader: int, author: int, verb: str = "block") -> None:
    done(mesh, verb, blocker_id=author, blocked_id=reader)


@pytest.mark.parametrize("hide", [muting, blocking, blocked_by])
def test_what_others_retweet_is_hidden_at_the_next_read(mesh: Mesh, hide: Hide) -> None:
    reader, friend, *others = (user(mesh) for _ in range(4 + MANY))
    author, stranger, *hidden = others
    follow(mesh, reader, friend)
    own = post(mesh, reader)
    topic = word()
    tweets = [post(mesh, each, topic) for each in (author, stranger)]
    for tweet in tweets:
        answer = mesh.rest.post("/v1/retweet", json={"user_id": friend, "tweet_id": tweet})
        assert answer.is_success, answer.text
    eventually(lambda: home(mesh, reader), [*tweets[::-1], own])
    with paused(mesh):
        for each in hidden:
            hide(mesh, reader, each)
        assert home(mesh, reader) == [*tweets[::-1], own], "who hides many sees all others"
        hide(mesh, reader, author)
        assert home(mesh, reader) == [tweets[1], own]
        eventually(lambda: search(mesh, reader, topic), [tweets[1]])
        verb = "unmute" if hide is muting else "unblock"
        hide(mesh, reader, author, verb)
        assert home(mesh, reader) == [*tweets[::-1], own]
        newest = post(mesh, reader)
        assert home(mesh, reader) == [newest, *tweets[::-1], own]


def test_whom_one_follows_is_muted_all_the_same(mesh: Mesh) -> None:
    reader, friend, *hidden = (user(mesh) for _ in range(2 + MANY))
    follow(mesh, reader, friend)
    tweet = post(mesh, friend)
    eventually(lambda: home(mesh, reader), [tweet])
    for each in hidden:
        muting(mesh, reader, each)
        blocked_by(mesh, reader, each)
    assert home(mesh, reader) == [tweet]
    muting(mesh, reader, friend)
    assert home(mesh, reader) == []
    muting(mesh, reader, friend, "unmute")
    assert home(mesh, reader) == [tweet]
