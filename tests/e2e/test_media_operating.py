"""What operators do with pictures: quarantine, backup, and what is collected by itself."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.acting import eventually, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.operators import operate
from tests.e2e.test_media import media, room, send, uploaded
from tests.pictures import picture

WITHIN_S = 60.0
BAD = picture("PNG", (300, 200))


def first_url(mesh: Mesh, media_id: str, reader: int) -> str:
    url: str = media(mesh, media_id, reader)["variants"][0]["url"]
    return url


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mesh]:
    hashes = tmp_path / "hashes"
    hashes.write_text(f"{hashlib.sha256(BAD).hexdigest()} case 7\n")
    running = start(tmp_path / "data", AVIARY_MEDIA_BLOCKED_HASHES_FILE=str(hashes))
    yield running
    stop(running)


def test_a_blocked_picture_is_hidden_until_it_is_cleared(guarded: Mesh) -> None:
    ada = user(guarded)
    first, second = uploaded(guarded, ada, BAD), uploaded(guarded, ada, BAD)
    for each in (first, second):
        assert (each["status"], each["variants"]) == ("quarantined", [])
    assert uploaded(guarded, ada, picture())["status"] == "ready"
    listed = json.loads(operate(guarded, "quarantined-media", "--json"))["media"]
    assert [each["media_id"] for each in listed] == [first["media_id"], second["media_id"]]
    assert {each["reason"] for each in listed} == {"hash list: case 7"}
    assert first["media_id"] in operate(guarded, "quarantined-media")

    assert "is shown again" in operate(guarded, "clear-media", first["media_id"])
    assert media(guarded, first["media_id"], ada)["status"] == "ready"
    assert httpx.get(first_url(guarded, first["media_id"], ada)).status_code == 200
    tweet = post(guarded, ada, "cleared", media_ids=[first["media_id"]])
    assert "is deleted" in operate(guarded, "remove-media", second["media_id"])
    url = first_url(guarded, first["media_id"], ada)
    assert "is deleted" in operate(guarded, "remove-media", first["media_id"])
    assert httpx.get(url).status_code == 404
    assert guarded.rest.get(f"/v1/tweets/{tweet}").status_code == 200
    assert "no picture" in operate(guarded, "remove-media", first["media_id"], fails=True)
    assert json.loads(operate(guarded, "quarantined-media", "--json")) == {"media": []}


def test_orphans_go_and_pictures_come_back_with_a_backup(tmp_path: Path) -> None:
    running = start(tmp_path / "data", AVIARY_MEDIA_ORPHAN_S="5")
    try:
        ada = user(running)
        data = picture("JPEG")
        kept = uploaded(running, ada, data)
        tweet = post(running, ada, "kept", media_ids=[kept["media_id"]])
        orphan, never_sent = uploaded(running, ada, picture()), room(running, ada)
        shown = httpx.get(first_url(running, kept["media_id"], ada)).content
        for each in (orphan, never_sent):
            path, query = f"/v1/media/{each['media_id']}", {"user_id": ada}
            eventually(
                lambda at=path, by=query: running.rest.get(at, params=by).status_code, 404, WITHIN_S
            )
        assert send(never_sent, picture()).status_code == 404
        files = sorted((running.data_dir / "media").rglob("*/original"))
        assert len(files) == 1, "only the one that a tweet carries"
        operate(running, "backup", str(tmp_path / "backup"))
        assert stop(running) == 0
        running.data_dir.rename(tmp_path / "lost")
        operate(running, "restore", str(tmp_path / "backup"))
        running = start(running.data_dir, AVIARY_MEDIA_ORPHAN_S="5")
        assert media(running, kept["media_id"], ada)["status"] == "ready"
        assert httpx.get(first_url(running, kept["media_id"], ada)).content == shown
        carried = running.rest.get(f"/v1/tweets/{tweet}").json()["tweet"]["attachments"]
        assert [each["media_id"] for each in carried["media_refs"]] == [kept["media_id"]]
    finally:
        stop(running)
