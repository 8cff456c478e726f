"""Nobody follows more users than they may, as clients of the edge see it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import start, stop

MOST = 3
AT_ONCE = 6


def test_follows_beyond_the_limit_are_refused_until_there_is_room(tmp_path: Path) -> None:
    mesh = start(tmp_path / "data", AVIARY_MAX_FOLLOWED=str(MOST))

    def followed(followee: int) -> httpx.Response:
        body = {"follower_id": reader, "followee_id": followee}
        return mesh.rest.post("/v1/follow", json=body)

    def listed() -> list[int]:
        answer = mesh.rest.get(f"/v1/users/{reader}/following")
        return [int(each["user_id"]) for each in answer.json()["users"]]

    try:
        reader, *authors = (user(mesh) for _ in range(1 + AT_ONCE))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(followed, authors))
        made = [at for at, answer in enumerate(answers) if answer.is_success]
        assert len(made) == MOST
        assert listed() == sorted(authors[at] for at in made)
        (refused, *_) = [answer for answer in answers if not answer.is_success]
        assert refused.status_code == 400
        (info,) = refused.json()["details"]
        assert info["reason"] == "TOO_MANY_FOLLOWED"
        assert info["metadata"] == {
            "user_id": str(reader),
            "following": str(MOST),
            "most": str(MOST),
        }
        again, new = authors[made[0]], next(a for a in authors if a not in listed())
        assert followed(again).is_success, "who is followed already is no more"
        follow(mesh, reader, again, "unfollow")
        tweet = post(mesh, new)
        assert followed(new).is_success
        eventually(lambda: home(mesh, reader), [tweet])
        # Whom more follow may follow more: 1.1 times four is four.
        for fan in authors[:4]:
            follow(mesh, fan, reader)
        assert followed(again).is_success
        assert followed(next(a for a in authors if a not in listed())).status_code == 400
    finally:
        assert stop(mesh) == 0
