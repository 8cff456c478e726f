"""The command `load`, from files and without, against a running system."""

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.cli.load.generating import generate_graph
from services.cli.load.handles import handle_of
from tests.e2e.acting import eventually, home
from tests.e2e.conftest import Mesh, start, stop
from tests.load.model import Homes

WITHIN_S = 60
USERS, FOLLOWS_PER_USER, TWEETS, THRESHOLD, SEED = 60, 8, 200, 10, 3


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    data = tmp_path_factory.mktemp("load") / "data"
    running = start(data, AVIARY_CELEBRITY_THRESHOLD=str(THRESHOLD))
    yield running
    assert stop(running) == 0


def begin(edge: Mesh | str, *options: object) -> subprocess.Popen[str]:
    where = ["--url", edge]
    if isinstance(edge, Mesh):
        where = ["--url", str(edge.rest.base_url), "--data-dir", str(edge.data_dir)]
    return subprocess.Popen(
        [sys.executable, "-m", "services", "load", *where, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def load(edge: Mesh | str, *options: object) -> tuple[int, str]:
    """Run to the end; give the exit code and all that was printed."""
    process = begin(edge, *options)
    out, err = process.communicate(timeout=WITHIN_S)
    return process.returncode, out + err


def url_of_nobody() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def readers_during(process: subprocess.Popen[str], mesh: Mesh, prefix: str) -> None:
    """Read the homes of every other user while the load goes on, so that tweets are pushed."""
    unread = [handle_of(prefix, index) for index in range(0, USERS, 2)]
    while unread and process.poll() is None:
        answer = mesh.rest.get(f"/v1/users/by/handle/{unread[0]}")
        if answer.status_code == httpx.codes.OK:
            home(mesh, int(answer.json()["user"]["user_id"]))
            unread.pop(0)
        else:
            assert answer.status_code == httpx.codes.NOT_FOUND, answer.text


def test_every_home_after_a_load_is_what_graph_and_manifest_say(mesh: Mesh, tmp_path: Path) -> None:
    path = tmp_path / "loaded.json"
    made_up = ("--users", USERS, "--follows-per-user", FOLLOWS_PER_USER, "--seed", SEED)
    # Two at a time leave the readers time to come before the tweets.
    process = begin(
        mesh, *made_up, "--limit", TWEETS, "--manifest", path,
        "--prefix", "e2e_", "--concurrency", 2,
    )  # fmt: skip
    readers_during(process, mesh, "e2e_")
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, err
    assert [line.split()[:2] for line in out.splitlines()[-3:]] == [
        ["users", str(USERS)],
        ["follows", str(USERS * FOLLOWS_PER_USER)],
        ["tweets", str(TWEETS)],
    ]
    manifest = json.loads(path.read_text())
    users = {int(node): int(user) for node, user in manifest["users"].items()}
    tweets = [(int(tweet), int(author)) for tweet, author in manifest["tweets"]]
    assert (manifest["complete"], len(users), len(tweets)) == (True, USERS, TWEETS)
    graph = generate_graph(USERS, FOLLOWS_PER_USER, random.Random(SEED))  # noqa: S311
    homes = Homes(graph, users, tweets)
    assert homes.authors_above(THRESHOLD), "nobody is merged at read"
    for node, user in users.items():
        eventually(lambda u=user: home(mesh, u, limit=200), homes.of(node))


def test_files_are_loaded_and_long_texts_skipped(mesh: Mesh, tmp_path: Path) -> None:
    edges, texts, path = tmp_path / "edges", tmp_path / "texts", tmp_path / "loaded.json"
    edges.write_text("# who with whom\n7 8\n\n8 9\n")
    texts.write_text("one\n" + "x" * 281 + "\n\n#three\n")
    files = ("--edges", edges, "--tweets", texts, "--manifest", path)
    code, printed = load(mesh, *files)
    assert code == 0, printed
    assert "skipped            1 texts" in printed
    manifest = json.loads(path.read_text())
    ids = sorted((int(tweet) for tweet, _ in manifest["tweets"]), reverse=True)
    assert len(ids) == 2
    # Node 8 is a friend of everybody.
    eventually(lambda: home(mesh, int(manifest["users"]["8"])), ids)
    said = {mesh.rest.get(f"/v1/tweets/{one}").json()["tweet"]["text"] for one in ids}
    assert said == {"one", "#three"}


def test_refused_text_ends_the_load_and_is_shown(mesh: Mesh, tmp_path: Path) -> None:
    edges, texts = tmp_path / "edges", tmp_path / "texts"
    edges.write_text("1 2\n")
    texts.write_text("bell \a here\n")
    code, printed = load(mesh, "--edges", edges, "--tweets", texts)
    assert code == 1
    assert "U+0007" in printed
    assert "bell" in printed
    assert "Traceback" not in printed


def test_taken_prefix_is_reported(mesh: Mesh) -> None:
    options = ("--users", 5, "--follows-per-user", 1, "--limit", 0, "--prefix", "twice")
    assert load(mesh, *options)[0] == 0
    code, printed = load(mesh, *options)
    assert (code, "choose another --prefix" in printed) == (1, True)


def test_ctrl_c_ends_cleanly_and_leaves_a_manifest(mesh: Mesh, tmp_path: Path) -> None:
    path = tmp_path / "loaded.json"
    # Texts are made up before anything else, which takes its time.
    options = ("--users", 20, "--follows-per-user", 2, "--limit", 10_000, "--prefix", "stopped")
    process = begin(mesh, *options, "--manifest", path)
    deadline = time.monotonic() + WITHIN_S
    first = f"/v1/users/by/handle/{handle_of('stopped', 0)}"
    while mesh.rest.get(first).status_code != httpx.codes.OK:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "users" in out
    assert json.loads(path.read_text())["complete"] is False


@pytest.mark.parametrize(
    ("option", "content", "place"),
    [
        ("--edges", b"1 2\n# fine\n3 4 5\n", "line 3"),
        ("--edges", b"id_1,id_2\n", "line 1"),
        ("--edges", b"1 2\n\n9 9\n", "line 3"),
        ("--tweets", b"fine\n\xff\xfe\n", "line 2"),
        ("--edges", b"\x1f\x8b\x08 cut off", "gzip"),
        ("--edges", b"", "no edges"),
    ],
)
def test_bad_file_is_named_with_the_line(
    tmp_path: Path, option: str, content: bytes, place: str
) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    code, printed = load(url_of_nobody(), option, path)
    assert code == 1
    assert str(path) in printed
    assert place in printed
    assert "Traceback" not in printed


def test_edge_that_does_not_answer_is_reported() -> None:
    code, printed = load(url_of_nobody())
    assert (code, "is `make run` running?" in printed) == (1, True)
    assert "Traceback" not in printed
