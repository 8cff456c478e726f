import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.acting import acknowledged, eventually, follow, home, home_or_none, post, user
from tests.e2e.conftest import Mesh, becomes_whole, start, stop

OUTAGE_S = 60  # a killed service is back, and has done what it had in hand


def test_author_reads_own_tweet_at_once(mesh: Mesh) -> None:
    ada = user(mesh)
    for count in range(1, 4):
        post(mesh, ada)
        assert len(home(mesh, ada)) == count


def test_tweet_reaches_followers_and_goes_when_deleted(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    before = post(mesh, ada)
    follow(mesh, bob, ada)
    within_s = mesh.engine.within_s
    eventually(lambda: home(mesh, bob), [before], within_s)
    after = post(mesh, ada)
    eventually(lambda: home(mesh, bob), [after, before], within_s)
    query = {"user_id": ada}
    assert mesh.rest.delete(f"/v1/tweets/{before}", params=query).status_code == 200
    eventually(lambda: home(mesh, bob), [after], within_s)
    follow(mesh, bob, ada, "unfollow")
    eventually(lambda: home(mesh, bob), [], within_s)


def test_one_request_id_gives_one_tweet(mesh: Mesh) -> None:
    ada = user(mesh)
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: post(mesh, ada, request_id="once"), range(8)))
    assert len(ids) == 1
    assert home(mesh, ada) == list(ids)


def test_bad_input_names_the_field(mesh: Mesh) -> None:
    ada = user(mesh)
    for body, field in (
        ({"user_id": ada, "text": ""}, "text"),
        ({"user_id": ada, "text": "x" * 281}, "text"),
        ({"user_id": 0, "text": "hi"}, "user_id"),
    ):
        answer = mesh.rest.post("/v1/tweets", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(field)
    nobody = mesh.rest.post("/v1/tweets", json={"user_id": 12345, "text": "hi"})
    assert nobody.status_code == 404
    itself = mesh.rest.post("/v1/follow", json={"follower_id": ada, "followee_id": ada})
    assert itself.status_code == 400
    assert home(mesh, ada) == []


def test_cursor_of_somebody_else_is_refused(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    for _ in range(2):
        post(mesh, ada)
    page = mesh.rest.get("/v1/timeline/home", params={"user_id": ada, "limit": 1}).json()
    stolen = {"user_id": bob, "cursor": page["next_cursor"]}
    answer = mesh.rest.get("/v1/timeline/home", params=stolen)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_killed_services_lose_nothing_acknowledged(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    kept: list[int] = []
    for name in ("tweet", "fanout", "graph", "timeline"):
        kept.append(post(mesh, ada))
        os.kill(mesh.children()[name], signal.SIGKILL)
        eventually(lambda: acknowledged(mesh, ada, kept), expected=True, within_s=OUTAGE_S)
        # Or the next post may be refused, which is no loss.
        assert becomes_whole(mesh)
    expected = sorted(kept, reverse=True)
    eventually(lambda: home_or_none(mesh, bob), expected, within_s=OUTAGE_S)


def test_second_start_finds_yesterdays_data(tmp_path: Path) -> None:
    # On SQLite only: the emulators keep everything in memory, and it ends with them.
    first = start(tmp_path / "data")
    ada = user(first)
    tweet = post(first, ada)
    assert stop(first) == 0
    second = start(tmp_path / "data")
    try:
        assert home(second, ada) == [tweet]
    finally:
        assert stop(second) == 0
