"""People who post, answer and like: what there is to look at."""

from typing import Final

from tests.e2e.acting import eventually, follow, post
from tests.e2e.conftest import Mesh
from tests.pictures import picture
from tests.web.reader import person

__all__ = ["World"]

PEOPLE: Final = {
    "grace": ("Grace Hopper", "Found the moth. Ships are safe in harbour, but that is not it."),
    "linus_p": ("Linus Pauling", "Chemistry, peace, and too much vitamin C."),
    "noor": ("نور الهدى", "أكتب عن الطيور والمدن."),
    "mary_s": ("Mary Somerville", "On the connexion of the physical sciences."),
}
POSTS: Final = (
    ("grace", "The most dangerous phrase is: we have always done it this way. #computing"),
    (
        "mary_s",
        "Read it here: https://example.com/connexion. The second edition has what @linus_p missed.",
    ),
    ("noor", "مساء الخير من القاهرة، رأيت اليوم سربًا من اللقالق فوق النيل 🕊️ #طيور"),
    (
        "linus_p",
        "The best way to have a good idea is to have a lot of ideas.\n\nMost of mine are wrong.",
    ),
    ("grace", "Ship it on a Friday? Only with a rollback that I have seen work. $SHIP"),
)


class World:
    """Four people and `me`, who follow each other."""

    def __init__(self, mesh: Mesh, url: str, me: dict[str, str]) -> None:
        self.me, my_id = me, int(me["user_id"])
        ids = {}
        for handle, (name, bio) in PEOPLE.items():
            # By whom they are, and for whom: each test has its own.
            made = person(url, f"{handle}{my_id % 10_000}", name)
            ids[handle] = int(made["user_id"])
            mesh.rest.patch(f"/v1/users/{made['user_id']}", json={"bio": bio}).raise_for_status()
            follow(mesh, my_id, ids[handle])
            follow(mesh, ids[handle], my_id)
        self.noor = f"/@noor{my_id % 10_000}"
        tweets = [post(mesh, ids[who], text) for who, text in POSTS]
        shown = _picture(mesh, ids["mary_s"])
        post(mesh, ids["mary_s"], "Sunset over the observatory", media_ids=[shown])
        post(mesh, ids["linus_p"], "This, a hundred times", quote_tweet_id=tweets[0])
        mine = post(mesh, my_id, "What is everybody reading? #books")
        reply = post(mesh, ids["grace"], "The manual, for once.", in_reply_to_tweet_id=mine)
        post(mesh, my_id, "All of it?", in_reply_to_tweet_id=reply)
        self.thread = f"/@{me['handle']}/status/{mine}"
        for number, user in enumerate(ids.values()):
            for tweet in (mine, *tweets[number:]):
                _change(mesh, "like", user, tweet)
        _change(mesh, "like", my_id, tweets[0])
        _change(mesh, "retweet", ids["noor"], mine)


def _change(mesh: Mesh, verb: str, user: int, tweet: int) -> None:
    body = {"user_id": user, "tweet_id": tweet}
    mesh.rest.post(f"/v1/{verb}", json=body).raise_for_status()


def _picture(mesh: Mesh, owner: int) -> str:
    body = {"user_id": owner, "alt_text": "two halves of a sky"}
    room = mesh.rest.post("/v1/media", json=body).json()
    type_ = {"content-type": "image/png"}
    mesh.rest.put(room["upload_url"], content=picture(), headers=type_).raise_for_status()

    def status() -> str:
        asked = mesh.rest.get(f"/v1/media/{room['media_id']}", params={"user_id": owner})
        return str(asked.json()["media"]["status"])

    eventually(status, "ready")
    return str(room["media_id"])
