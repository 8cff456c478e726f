"""Tweets with URLs that must not be spread are hidden on every read path until they are cleared."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.acting import eventually, post, user
from tests.e2e.conftest import Engine, Mesh, start, stop
from tests.e2e.deletion_scene import SHOWN_BY, Staged, stage
from tests.e2e.every_read import READS, comes_to_be_found_by
from tests.e2e.operators import operate
from tests.e2e.test_deletion import others

URL = "https://user@Sub.Bad-Site.com:443/x/../y?z"
pytestmark = pytest.mark.timeout(800)  # the emulators answer each of some hundred reads
LATE_S = 60.0
"""For the bus, for indexes and trends, and for copies of the tombstone, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Guarded:
    mesh: Mesh
    blocked: Path

    def block(self, *lines: str) -> None:
        beside = self.blocked.with_suffix(".new")
        beside.write_text("\n".join(lines))
        os.replace(beside, self.blocked)  # noqa: PTH105 - as operators do


@pytest.fixture(scope="module")
def guarded(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    blocked = folder / "urls"
    blocked.write_text("other-site.com known\n")
    running = start(folder / "data", engine=engine, AVIARY_TWEET_BLOCKED_URLS_FILE=str(blocked))
    yield Guarded(running, blocked)
    assert stop(running) == 0


def of_author(mesh: Mesh, staged: Staged, tweet_id: int) -> Any:
    headers = {"authorization": staged.tokens[staged.scene.author]}
    return mesh.rest.get(f"/v1/tweets/{tweet_id}", headers=headers)


def listed(mesh: Mesh) -> dict[str, Any]:
    tweets = json.loads(operate(mesh, "quarantined-tweets", "--json"))["tweets"]
    return {each["tweet_id"]: each for each in tweets}


def test_a_newly_listed_url_hides_the_tweet_everywhere_until_it_is_cleared(
    guarded: Guarded,
) -> None:
    mesh = guarded.mesh
    staged = stage(mesh, url=URL)
    scene, nowhere = staged.scene, frozenset[str]()
    guarded.block("other-site.com known", "bad-site.com case 7")
    comes_to_be_found_by(mesh, scene, others(staged), nowhere, LATE_S)
    own = ("TweetService/GetTweet", "MediaService/GetMedia")
    by_author = [name for name in sorted(READS) if not name.endswith(own)]
    author = {scene.author: staged.tokens[scene.author]}
    comes_to_be_found_by(mesh, scene, author, nowhere, LATE_S, names=by_author)
    eventually(lambda: str(scene.tweet) in listed(mesh), expected=True)
    entry = listed(mesh)[str(scene.tweet)]
    assert (entry["reason"], entry["user_id"]) == ("URL list: case 7", str(scene.author))
    assert str(scene.tweet) in operate(mesh, "quarantined-tweets")

    read = of_author(mesh, staged, scene.tweet).json()
    assert read["tweet"]["tweet_id"] == str(scene.tweet)
    assert read["quarantine"]["quarantined_at"] == entry["quarantined_at"]
    for about in ("in_reply_to_tweet_id", "quote_tweet_id"):
        body = {"user_id": scene.other, "text": "about", about: scene.tweet}
        assert mesh.rest.post("/v1/tweets", json=body).status_code == 404

    assert "is shown again" in operate(mesh, "clear-tweet", str(scene.tweet))
    assert "is shown again" in operate(mesh, "clear-tweet", str(scene.tweet))
    comes_to_be_found_by(mesh, scene, staged.tokens, SHOWN_BY, LATE_S)
    assert "quarantine" not in of_author(mesh, staged, scene.tweet).json()
    assert str(scene.tweet) not in listed(mesh)
    audited = (mesh.data_dir / "audit").glob("tweet*.log")
    assert any("TweetService/ClearTweet" in each.read_text() for each in audited)


def test_new_tweets_are_scanned_and_authors_may_delete_them(guarded: Guarded) -> None:
    mesh = guarded.mesh
    ada = user(mesh)
    bad = post(mesh, ada, "go to www.other-site.com/now")
    good = post(mesh, ada, "go to www.good-site.com/?u=other-site.com")
    path = f"/v1/tweets/{bad}"
    eventually(lambda: mesh.rest.get(path).status_code, 404, mesh.engine.within_s)
    assert mesh.rest.get(f"/v1/tweets/{good}").status_code == 200
    assert shown_of(mesh, ada) == [good]
    assert mesh.rest.delete(path, params={"user_id": ada}).status_code == 200
    assert "no tweet" in operate(mesh, "clear-tweet", str(bad), fails=True)
    assert str(bad) not in listed(mesh)


def shown_of(mesh: Mesh, author: int) -> list[int]:
    answer = mesh.rest.get("/v1/timeline/user", params={"user_id": author})
    return [int(each["tweet_id"]) for each in answer.json()["tweets"]]


def test_an_operator_hides_a_tweet_by_hand(guarded: Guarded) -> None:
    mesh = guarded.mesh
    ada = user(mesh)
    tweet = post(mesh, ada)
    eventually(lambda: shown_of(mesh, ada), [tweet])
    for _ in range(2):
        assert "in quarantine" in operate(mesh, "quarantine-tweet", str(tweet), "reported")
    eventually(lambda: shown_of(mesh, ada), [])
    assert listed(mesh)[str(tweet)]["reason"] == "reported"
    with mesh.valkey("cache") as cache:
        cache.flushall()
    assert shown_of(mesh, ada) == []
    operate(mesh, "clear-tweet", str(tweet))
    eventually(lambda: shown_of(mesh, ada), [tweet])
    assert "no tweet" in operate(mesh, "quarantine-tweet", "12345", "why", fails=True)
