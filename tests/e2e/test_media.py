"""Pictures over REST: uploaded, looked at, posted, shown, and gone with their tweets."""

import hashlib
from typing import Any

import httpx
import pytest

from services.media.model import MAX_UPLOAD_BYTES
from tests.e2e.acting import eventually, follow, post, user
from tests.e2e.conftest import Mesh
from tests.pictures import bomb, film, oriented_jpeg, picture, with_gps

Json = dict[str, Any]


def room(mesh: Mesh, owner: int, **said: object) -> Json:
    answer = mesh.rest.post("/v1/media", json={"user_id": owner, **said})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    assert answer.headers["location"] == f"/v1/media/{made['media_id']}"
    return made


def send(made: Json, data: bytes) -> httpx.Response:
    """Send bytes as a client without a token does."""
    headers = {each["name"]: each["value"] for each in made["upload_headers"]}
    return httpx.request(
        made["upload_method"],
        made["upload_url"],
        content=data,
        headers={"content-type": "application/octet-stream", **headers},
        timeout=30.0,
    )


def media(mesh: Mesh, media_id: str, reader: int) -> Json:
    answer = mesh.rest.get(f"/v1/media/{media_id}", params={"user_id": reader})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["media"]
    return found


def uploaded(mesh: Mesh, owner: int, data: bytes, **said: object) -> Json:
    """Upload a picture, and wait until it was looked at."""
    made = room(mesh, owner, **said)
    assert send(made, data).status_code == 204
    media_id = made["media_id"]
    waits = ("uploading", "processing")

    def still_waits() -> bool:
        return media(mesh, media_id, owner)["status"] in waits

    eventually(still_waits, expected=False, within_s=mesh.engine.within_s)
    return media(mesh, media_id, owner)


def tweet(mesh: Mesh, tweet_id: int) -> Json:
    answer = mesh.rest.get(f"/v1/tweets/{tweet_id}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["tweet"]
    return found


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"][0]["reason"]


def test_a_picture_is_uploaded_posted_shown_and_deleted(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    data = with_gps("JPEG")
    shown = uploaded(mesh, ada, data, alt_text="red and blue", content_type="image/jpeg")
    assert shown["status"] == "ready"
    assert shown["sha256"] == hashlib.sha256(data).hexdigest()
    assert (shown["width"], shown["height"], shown["alt_text"]) == (900, 600, "red and blue")
    assert [each["name"] for each in shown["variants"]] == ["original", "small", "thumb"]
    refused = mesh.rest.get(f"/v1/media/{shown['media_id']}", params={"user_id": bob})
    assert reason(refused) == (404, "MEDIA_NOT_FOUND")

    posted = post(mesh, ada, "", media_ids=[shown["media_id"]])
    ref = {
        "media_id": shown["media_id"],
        "content_type": "image/jpeg",
        "width": 900,
        "height": 600,
        "blurhash": shown["blurhash"],
        "alt_text": "red and blue",
    }
    assert tweet(mesh, posted)["attachments"]["media_refs"] == [ref]
    assert tweet(mesh, posted)["text"] == ""

    def at_home() -> list[Json]:
        answer = mesh.rest.get("/v1/timeline/home", params={"user_id": bob}).json()
        return [each["attachments"]["media_refs"] for each in answer["tweets"]]

    eventually(at_home, [[ref]], mesh.engine.within_s)
    variants = media(mesh, shown["media_id"], bob)["variants"]
    for each in variants:
        answer = httpx.get(each["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == each["content_type"]
        assert answer.headers["cache-control"] == "public, max-age=300, immutable"
        assert b"SECRETCAMERA" not in answer.content
    etag = answer.headers["etag"]
    assert httpx.get(each["url"], headers={"if-none-match": etag}).status_code == 304
    assert httpx.head(each["url"]).status_code == 200

    gone = mesh.rest.delete(f"/v1/tweets/{posted}", params={"user_id": ada})
    assert gone.status_code == 200, gone.text
    urls = [each["url"] for each in variants]
    eventually(lambda: {httpx.get(url).status_code for url in urls}, {404}, mesh.engine.within_s)
    answer = mesh.rest.get(f"/v1/media/{shown['media_id']}", params={"user_id": ada})
    assert reason(answer) == (404, "MEDIA_NOT_FOUND")


def test_four_pictures_of_each_type_are_one_tweet(mesh: Mesh) -> None:
    ada = user(mesh)
    files = [picture("PNG"), oriented_jpeg((400, 200)), film("GIF"), picture("WEBP")]
    ids = [uploaded(mesh, ada, each)["media_id"] for each in files]
    refs = tweet(mesh, post(mesh, ada, "four", media_ids=ids))["attachments"]["media_refs"]
    assert [each["media_id"] for each in refs] == ids
    assert [each["content_type"] for each in refs] == [
        f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp")
    ]
    assert (refs[1]["width"], refs[1]["height"]) == (200, 400)
    again = mesh.rest.post("/v1/tweets", json={"user_id": ada, "text": "x", "media_ids": ids[:1]})
    assert reason(again) == (400, "MEDIA_IN_USE")
    many = mesh.rest.post("/v1/tweets", json={"user_id": ada, "text": "x", "media_ids": [1] * 5})
    assert reason(many) == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("data", "said", "why"),
    [
        (b"<html>", {}, "unknown_type"),
        (picture("PNG"), {"content_type": "image/gif"}, "other_type"),
        (picture("PNG")[:200], {}, "unreadable"),
        (bomb(), {}, "too_large"),
    ],
    ids=["html", "other", "damaged", "bomb"],
)
def test_what_is_no_good_is_rejected(mesh: Mesh, data: bytes, said: Json, why: str) -> None:
    ada = user(mesh)
    found = uploaded(mesh, ada, data, **said)
    assert (found["status"], found["rejection"]) == ("rejected", why)
    body = {"user_id": ada, "text": "x", "media_ids": [found["media_id"]]}
    assert reason(mesh.rest.post("/v1/tweets", json=body)) == (400, "MEDIA_NOT_READY")


def test_bytes_are_bounded_and_signed_for_at_the_edge(mesh: Mesh) -> None:
    ada = user(mesh)
    made = room(mesh, ada)
    assert reason(send(made, bytes(MAX_UPLOAD_BYTES + 1))) == (413, "INVALID_FIELD")
    changed = {**made, "upload_url": made["upload_url"][:-3] + "AAA"}
    assert reason(send(changed, picture())) == (403, "URL_INVALID")
    wrong = httpx.put(made["upload_url"], content=b"{}", headers={"content-type": "text/html"})
    assert wrong.status_code == 415
    assert httpx.post(made["upload_url"], content=b"").status_code == 405
    assert media(mesh, made["media_id"], ada)["status"] == "uploading"
    largest = picture("JPEG", (3_000, 3_000), quality=100, subsampling=0)
    padded = largest + bytes(MAX_UPLOAD_BYTES - len(largest))
    assert send(made, padded).status_code == 204
    eventually(lambda: media(mesh, made["media_id"], ada)["status"], "ready", mesh.engine.within_s)


def test_a_deleted_user_takes_pictures_along(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    shown = uploaded(mesh, ada, picture())
    post(mesh, ada, "mine", media_ids=[shown["media_id"]])
    assert mesh.rest.delete(f"/v1/users/{ada}").status_code == 200
    path, query = f"/v1/media/{shown['media_id']}", {"user_id": bob}
    eventually(lambda: mesh.rest.get(path, params=query).status_code, 404, mesh.engine.within_s)
    url = shown["variants"][0]["url"]
    eventually(lambda: httpx.get(url).status_code, 404, mesh.engine.within_s)
