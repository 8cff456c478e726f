"""The whole system with mTLS and signed requests, while certificates and keys are replaced."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import grpc
import httpx
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.local.operator_file import read_operator
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.config.signing_keys import SigningKey
from services.platform.rpc.operator import operator_channel, operator_files
from services.platform.runtime.clock import SystemClock
from services.platform.security.identities import name_in
from services.platform.security.signing import Signer
from tests.e2e.acting import post, user
from tests.e2e.conftest import SIDECARS, Mesh, start, stop
from tests.e2e.operators import operate

OLD, NEW = SigningKey("old", b"0123456789abcdef" * 2), SigningKey("new", b"fedcba9876543210" * 2)
FRESH, CHALLENGE = "f7" * 32, "c8" * 32
WAIT_S = 30.0
OWN_SUFFIXES = {".key", ".secret", ".password", ".conf"}
"""Of files that hold a secret and are their owner's alone."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "signing.keys"
    write(path, OLD)
    return path


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Mesh]:
    data = tmp_path_factory.mktemp("secure") / "data"
    challenge = keys.with_name("challenge.key")
    challenge.write_text(CHALLENGE)
    running = start(
        data, AVIARY_SIGNING_KEYS_FILE=str(keys), AVIARY_CHALLENGE_KEY_FILE=str(challenge)
    )
    yield running
    assert stop(running) == 0


def write(path: Path, *keys: SigningKey) -> None:
    replace(path, "\n".join(f"{key.key_id}:{key.secret.hex()}" for key in keys))


def replace(path: Path, content: str) -> None:
    temporary = path.with_name(f"next-{path.name}")
    temporary.touch(mode=0o600)
    temporary.write_text(content)
    temporary.replace(path)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def events(mesh: Mesh, service: str, name: str) -> list[dict]:
    lines = (mesh.data_dir / "logs" / f"{service}.log").read_text().splitlines()
    found = (json.loads(line) for line in lines if line.startswith("{"))
    return [each for each in found if each["event"] == name]


def taken_up(mesh: Mesh, service: str) -> object:
    """A value that changes when the service, or its sidecar, has loaded new certificates."""
    if not SIDECARS:
        return len(events(mesh, service, "tls.reloaded"))
    socket = (mesh.data_dir / "sidecars" / f"{service}.admin").read_text().strip()
    with httpx.Client(transport=httpx.HTTPTransport(uds=socket)) as admin:
        shown = admin.get("http://admin/certs").json()["certificates"]
    held = [each[kind] for each in shown for kind in ("cert_chain", "ca_cert")]
    return {one["serial_number"] for some in held for one in some}


def denied_peer(mesh: Mesh, service: str) -> str | None:
    """The peer whose call the call table refused last, from the log of the process that refused."""
    if not SIDECARS:
        (denied,) = events(mesh, service, "rpc.denied")[-1:]
        assert denied["reason"] == "CALLER_NOT_ALLOWED"
        return denied["caller"]
    path = mesh.data_dir / "logs" / f"{service}-sidecar.access.log"
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    denied = [line for line in lines if line["grpc_status"] == "PermissionDenied"]
    return name_in(denied[-1]["caller"]) if denied else None


class Posting:
    """Tweets without pause: each asks the user service, signed; counts how they end."""

    def __init__(self, mesh: Mesh) -> None:
        user = {"handle": f"h{time.time_ns() % 10**9}", "display_name": "h"}
        created = mesh.rest.post("/v1/users", json=user)
        assert created.status_code == httpx.codes.CREATED, created.text
        self._tweet = {"user_id": created.json()["user"]["user_id"], "text": "hi"}
        self._mesh = mesh
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._post)
        self.statuses: dict[int, int] = {}

    def _post(self) -> None:
        rest = self._mesh.rest
        with httpx.Client(base_url=rest.base_url, auth=rest.auth, timeout=10) as client:
            while not self._ended.is_set():
                status = client.post("/v1/tweets", json=self._tweet).status_code
                self.statuses[status] = self.statuses.get(status, 0) + 1

    def __enter__(self) -> Self:
        self._thread.start()
        self.more()
        return self

    def more(self, count: int = 20) -> None:
        wanted = sum(self.statuses.values()) + count
        until(lambda: sum(self.statuses.values()) >= wanted)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def test_keys_are_replaced_while_tweets_are_posted(mesh: Mesh, keys: Path) -> None:
    with Posting(mesh) as posting:
        for step in ((OLD, NEW), (NEW, OLD), (NEW,)):
            write(keys, *step)
            wanted = [key.key_id for key in step]
            until(
                lambda wanted=wanted: all(
                    [e["key_ids"] for e in events(mesh, name, "signing.keys_reloaded")][-1:]
                    == [wanted]
                    for name in ("tweet", "user")
                )
            )
            posting.more()
    assert posting.statuses.keys() == {201}


def test_the_authority_is_replaced_while_tweets_are_posted(mesh: Mesh) -> None:
    with Posting(mesh) as posting:
        for step in ("add", "switch", "drop"):
            before = {name: taken_up(mesh, name) for name in DEFAULT_ADDRESSES}
            command = [sys.executable, "-m", "services", "certs", "--authority", step]
            subprocess.run([*command, "--data-dir", mesh.data_dir], check=True)
            until(
                lambda before=before: all(
                    taken_up(mesh, name) != last for name, last in before.items()
                )
            )
            posting.more()
    assert posting.statuses.keys() == {201}


async def code_of(mesh: Mesh, service: str, call, *signs: SigningKey) -> str:
    address = mesh.address(service)
    signer = Signer(lambda: signs, SystemClock()) if signs else None
    certificates = operator_files(mesh.data_dir)
    assert certificates is not None
    channel = operator_channel(certificates, service, address, signer=signer)
    try:
        await call(channel)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    finally:
        await channel.close()
    return "OK"


async def test_an_operator_signs_and_may_operate_and_no_more(mesh: Mesh, keys: Path) -> None:
    write(keys, NEW)

    async def backlog(channel) -> None:
        await FanoutServiceStub(channel).GetBacklog(fanout_pb.GetBacklogRequest(), timeout=5)

    async def lookup(channel) -> None:
        request = tweet_pb.LookupTweetsRequest(tweet_ids=[1])
        await TweetServiceStub(channel).LookupTweets(request, timeout=5)

    until(lambda: bool(events(mesh, "fanout", "service.serving")))
    deadline = time.monotonic() + WAIT_S
    # Its keys are looked at once a second.
    while await code_of(mesh, "fanout", backlog, NEW) != "OK":
        assert time.monotonic() < deadline
    assert await code_of(mesh, "fanout", backlog) == "PERMISSION_DENIED"
    assert "fanout.rest" in operate(mesh, "queues", AVIARY_SIGNING_KEYS_FILE=str(keys))
    assert "no known form" in operate(mesh, "queues", fails=True)
    assert await code_of(mesh, "tweet", lookup, NEW) == "PERMISSION_DENIED"
    until(lambda: denied_peer(mesh, "tweet") == "operator")


def test_nonces_are_where_none_is_forgotten(mesh: Mesh) -> None:
    with mesh.valkey("nonce") as server:
        info = server.info()
        assert (info["maxmemory_policy"], info["aof_enabled"]) == ("noeviction", 1)
        assert any(key.startswith(b"nonce") for key in server.scan_iter())
    assert events(mesh, "tweet", "signing.nonces_evicted") == []


def test_the_key_of_cursors_is_replaced_while_pages_are_turned(mesh: Mesh) -> None:
    ada, path = user(mesh), mesh.data_dir / "cursor.key"
    for _ in range(2):
        post(mesh, ada)

    def page(cursor: str = "") -> httpx.Response:
        query = {"user_id": ada, "limit": 1, "cursor": cursor}
        return mesh.rest.get("/v1/timeline/home", params=query)

    old, first = path.read_text(), page().json()["next_cursor"]
    replace(path, f"{FRESH}\n{old}")
    until(lambda: page().json()["next_cursor"] != first)
    assert page(first).status_code == httpx.codes.OK
    replace(path, FRESH)
    until(lambda: page(first).status_code == httpx.codes.BAD_REQUEST)
    assert page(page().json()["next_cursor"]).status_code == httpx.codes.OK
    assert events(mesh, "timeline", "secret.reloaded")[-1]["variable"] == "AVIARY_CURSOR_KEY"
    # For the last test: both were in use.
    path.with_name("replaced.key").write_text(old)


def test_no_secret_is_written_where_it_does_not_belong(mesh: Mesh) -> None:
    """This runs last, when all secrets have been used and most have been replaced."""
    written = [path for path in mesh.data_dir.rglob("*") if path.is_file()]
    names = {path.name for path in written}
    refusals = {"tweet-sidecar.denials.log"} if SIDECARS else {"tweet.log"}
    assert {"envoy.json", "access.log", "identity.log", "fanout.log", *refusals} <= names
    secrets = secrets_of(mesh)
    assert len(secrets) > len(DEFAULT_ADDRESSES)
    for path in (*written, mesh.data_dir.parent / "up.log"):
        if path.suffix in OWN_SUFFIXES or path.name == "operator.json":
            assert path.stat().st_mode & 0o077 == 0 or path.name == "replaced.key", path
            continue
        content = path.read_bytes()
        for name, secret in secrets:
            assert secret.encode() not in content, f"{path} holds {name}"


def secrets_of(mesh: Mesh) -> Sequence[tuple[str, str]]:
    """Everything that no file but its own may hold, with its name."""
    data = mesh.data_dir
    pems = [(path.name, path.read_text()) for path in (data / "certificates").glob("*.key")]
    lines = [(name, line) for name, pem in pems for line in pem.splitlines()]
    signing = [(key.key_id, form(key.secret)) for key in (OLD, NEW) for form in (bytes.hex, str)]
    return [
        *((name, line) for name, line in lines if "-----" not in line),
        *((path.name, path.read_text().strip()) for path in data.glob("*.key")),
        *((path.name, path.read_text().strip()) for path in data.glob("valkey/*.password")),
        ("fresh cursor key", FRESH),
        ("challenge key", CHALLENGE),
        ("operator's secret", read_operator(data).client_secret),
        *signing,
    ]
