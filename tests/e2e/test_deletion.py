"""A deleted tweet is nowhere: no read of any RPC finds it, on any page, and no store keeps it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from services.platform.specs import all_specs
from services.tweet.spec import TWEET_EVENTS
from tests.e2e.acting import eventually
from tests.e2e.conftest import Mesh
from tests.e2e.deletion_scene import Staged, stage
from tests.e2e.every_read import (
    READS,
    Scene,
    answers,
    comes_to_be_found_by,
    found_by,
    public_reads,
)
from tests.e2e.operators import operate
from tests.e2e.stored_traces import cached_texts, encodings, tables_with

LATE_S = 40.0
"""For what goes by the bus, and for trends, which are kept for 15 s."""
KEEPS_ID = {
    "tweets": "the mark of the deletion, which no late write can undo",
    "tweets_by_author": "the same",
    "replies": "the same, and what others answered",
    "requests": "what was asked under an idempotency key, for a day",
    "home": "ids that were pushed, for 30 days; readers pass over them",
    "search_changes": "that something became of a tweet, for replicas that are away",
    "engagers": "that it answers another no more, so that no late message counts it again",
    "users": "what its author pinned, until they pin another; each read asks whether it is there",
    "retweets": "which retweet stood for a pair, and never comes again",
}
"""Tables that may name a deleted tweet, and why."""
MEDIA = "aviary.media.v1.MediaService/GetMedia"
TRENDS = "aviary.search.v1.SearchService/ListTrends"
MAY_NAME = frozenset({"in_reply_to_user_id", "target_id"})
"""Fields that may name a deleted user: whom a tweet answers, and who was asked about."""


def test_every_public_read_is_walked() -> None:
    assert READS.keys() == public_reads().keys()


@pytest.fixture(params=[0, 3], ids=["pushed", "pulled"])
def staged(request: pytest.FixtureRequest, mesh: Mesh) -> Staged:
    return stage(mesh, followers=request.param)


def delete(mesh: Mesh, staged: Staged) -> None:
    scene = staged.scene
    path, query = f"/v1/tweets/{scene.tweet}", {"user_id": scene.author}
    answer = mesh.rest.delete(path, params=query)
    assert answer.status_code == 200, answer.text


def found_at_once(mesh: Mesh, staged: Staged) -> set[str]:
    """What shows the tweet of all that waits for no message: trends do, and whose picture it is."""
    scene, names = staged.scene, READS.keys() - {TRENDS}
    author = {scene.author: staged.tokens[scene.author]}
    found = found_by(mesh, scene, others(staged), names=sorted(names))
    return found | found_by(mesh, scene, author, names=sorted(names - {MEDIA}))


def others(staged: Staged) -> dict[int, str]:
    author = staged.scene.author
    return {each: token for each, token in staged.tokens.items() if each != author}


def statuses(urls: tuple[str, ...]) -> set[int]:
    return {httpx.get(url).status_code for url in urls}


def test_nothing_finds_a_deleted_tweet(mesh: Mesh, staged: Staged) -> None:
    scene = staged.scene
    assert statuses(staged.urls) == {200}
    delete(mesh, staged)
    eventually(lambda: found_at_once(mesh, staged), set(), 1.0)
    comes_to_be_found_by(mesh, scene, staged.tokens, frozenset(), LATE_S)
    eventually(lambda: statuses(staged.urls), {404}, mesh.engine.within_s)

    def with_id() -> set[str]:
        return asyncio.run(tables_with(mesh, encodings(scene.tweet))) - KEEPS_ID.keys()

    eventually(with_id, set(), LATE_S)
    assert asyncio.run(tables_with(mesh, [scene.word.encode()])) == set()
    assert asyncio.run(tables_with(mesh, encodings(scene.media))) == set()
    assert cached_texts(mesh, scene.word.encode()) == []


@contextmanager
def pausing(mesh: Mesh) -> Iterator[None]:
    """Have every consumer of what becomes of tweets stand still."""
    names = [
        each.name
        for spec in all_specs().values()
        for each in spec.subscriptions
        if each.topic == TWEET_EVENTS
    ]
    operate(mesh, "pause", *names)
    try:
        yield
    finally:
        operate(mesh, "resume", *names)


def test_nothing_finds_it_while_no_consumer_works(mesh: Mesh) -> None:
    staged = stage(mesh)
    with pausing(mesh):
        delete(mesh, staged)
        eventually(lambda: found_at_once(mesh, staged), set(), 1.0)
        with mesh.valkey("cache") as cache:
            cache.flushall()
        assert found_at_once(mesh, staged) == set()
    comes_to_be_found_by(mesh, staged.scene, staged.tokens, frozenset(), LATE_S)


def test_nothing_finds_what_a_deleted_user_left(mesh: Mesh, staged: Staged) -> None:
    scene = staged.scene
    answer = mesh.rest.delete(f"/v1/users/{scene.author}")
    assert answer.status_code == 200, answer.text
    tokens = others(staged)
    comes_to_be_found_by(mesh, scene, tokens, frozenset(), LATE_S)
    eventually(lambda: statuses(staged.urls), {404}, mesh.engine.within_s)
    eventually(lambda: named_by(mesh, scene, tokens), set(), LATE_S)


def named_by(mesh: Mesh, scene: Scene, tokens: dict[int, str]) -> set[str]:
    """The reads on whose pages any of these viewers finds the author named."""
    return {
        name
        for name, rpc in public_reads().items()
        for viewer, token in tokens.items()
        for page in answers(mesh, scene, rpc, viewer, token)
        if any(names_user(page, scene, ()))
    }


def names_user(part: Any, scene: Scene, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where in an answer the author is: the user they answered may still be said of a tweet."""
    if isinstance(part, dict):
        for name, each in part.items():
            yield from names_user(each, scene, (*at, name))
    elif isinstance(part, list):
        for each in part:
            yield from names_user(each, scene, at)
    elif at and _is_author(str(part), scene) and at[0] != "errors" and at[-1] not in MAY_NAME:
        yield at


def _is_author(text: str, scene: Scene) -> bool:
    return text in {str(scene.author), scene.handles[scene.author]}
