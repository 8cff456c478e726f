"""Flags of a running system: a change of the file, an operator who overrules it, a slip."""

import time
from pathlib import Path

import httpx

from services.platform.observability.log_events import EVENT_FLAGS_REFUSED
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import start, stop
from tests.e2e.operators import operate

WITHIN_S = 30.0


def put(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_the_threshold_is_an_operators_then_the_flags_then_the_settings(tmp_path: Path) -> None:
    flags = tmp_path / "flags.yaml"
    flags.touch()
    mesh = start(tmp_path / "data", AVIARY_FLAGS_FILE=str(flags))
    log = mesh.data_dir / "logs" / "fanout.log"

    def says(words: str) -> None:
        eventually(lambda: words in operate(mesh, "threshold"), True, WITHIN_S)  # noqa: FBT003 - it

    try:
        says("up to 2 followers (the default)")
        put(flags, "fanout.celebrity-threshold: 1")
        says("up to 1 follower (the default)")
        author, readers = user(mesh), [user(mesh) for _ in range(2)]
        for reader in readers:
            follow(mesh, reader, author)
            home(mesh, reader)
        # Two followers are now too many to push to, and nobody misses anything.
        tweet = post(mesh, author)
        for reader in readers:
            eventually(lambda reader=reader: home(mesh, reader), [tweet])
        operate(mesh, "threshold", "7")
        says("up to 7 followers (set by an operator; the default is 1)")
        put(flags, "fanout.celebrity-threshold: one")
        deadline = time.monotonic() + WITHIN_S
        while EVENT_FLAGS_REFUSED not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        operate(mesh, "threshold", "default")
        says("up to 1 follower (the default)")
        put(flags, "{}")
        says("up to 2 followers (the default)")
    finally:
        assert stop(mesh) == 0


def test_public_reads_are_opened_and_closed_while_everything_runs(tmp_path: Path) -> None:
    flags = tmp_path / "flags.yaml"
    flags.touch()
    mesh = start(tmp_path / "data", AVIARY_FLAGS_FILE=str(flags))
    try:
        someone = user(mesh)
        tweet = post(mesh, someone)
        url = str(mesh.rest.base_url)

        def anonymously(path: str, headers: dict[str, str] | None = None) -> int:
            return httpx.get(f"{url}/v1/{path}", headers=headers).status_code

        closed = httpx.get(f"{url}/v1/tweets/{tweet}")
        assert (closed.status_code, closed.json()["code"]) == (401, 16)
        assert closed.headers["www-authenticate"].startswith("Bearer ")
        # A header that holds no token opens nothing.
        for strange in ("", "Basic YTpi", "Bearer"):
            assert anonymously(f"tweets/{tweet}", {"authorization": strange}) == 401
        put(flags, "edge.public-reads: true")
        for path in (f"tweets/{tweet}", f"users/{someone}"):
            eventually(lambda path=path: anonymously(path), 200, WITHIN_S)
        assert anonymously("timeline/home") == 401
        assert httpx.post(f"{url}/v1/tweets", json={"text": "hi"}).status_code == 401
        bad = {"authorization": "Bearer e30.e30.e30"}
        assert anonymously(f"tweets/{tweet}", bad) == 401
        put(flags, "edge.public-reads: false")
        eventually(lambda: anonymously(f"tweets/{tweet}"), 401, WITHIN_S)
        assert mesh.rest.get(f"/v1/tweets/{tweet}").status_code == 200
    finally:
        assert stop(mesh) == 0
