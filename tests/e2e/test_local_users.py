"""Whoever else has a login on the machine: sees nothing, reaches nothing, and ends no account."""

import contextlib
import json
import re
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, ResponseError

from services.local.operator_file import read_operator
from services.local.scrape_targets import TARGETS_FILE
from services.tweet.events import TweetEvents
from services.tweet.spec import TWEET_EVENTS
from services.user.events import UserEvents
from services.user.spec import USER_EVENTS
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import SIDECARS, Mesh, start, stop
from tests.e2e.operators import operate
from tests.e2e.redelivery import redelivery
from tests.e2e.test_identity import logged_in, register, sign_up
from tests.tweet_messages import created

OTHERS = 0o077
SIGNING_KEY = "5e" * 32
CURSOR_KEY = "c5" * 32
VALKEYS = ("bus", "cache", "nonce")
GUESSED = "guessed"
GIVEN_UP_WITHIN_S = 90.0  # eight attempts, with a backoff in between
LISTENING = "0A"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(
        tmp_path_factory.mktemp("mesh") / "data",
        AVIARY_SIGNING_KEYS=f"k1:{SIGNING_KEY}",
        AVIARY_CURSOR_KEY=CURSOR_KEY,
    )
    yield running
    assert stop(running) == 0


def descendants(pid: int) -> list[int]:
    found = []
    for tasks in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (tasks / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def open_to_others(folder: Path) -> list[str]:
    """What somebody else could read, write or enter."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.lstat().st_mode for path in paths}
    return [
        f"{path} {stat.filemode(mode)}"
        for path, mode in modes.items()
        if mode & OTHERS and not stat.S_ISLNK(mode)
    ]


def test_nothing_that_it_writes_is_for_others(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    # A folder of before: anybody could read it, and it starts.
    (data / "audit").mkdir(parents=True, mode=0o755)
    (data / "lock").touch(mode=0o644)
    (data / "audit" / "old.log").touch(mode=0o644)
    running = start(data)
    try:
        ada = user(running)
        follow(running, user(running), ada)
        post(running, ada)
        operate(running, "token")
        operate(running, "certs")
        operate(running, "backup", str(backup))
        assert open_to_others(data) == []
    finally:
        assert stop(running) == 0
    assert open_to_others(data) == []
    assert open_to_others(backup) == []
    restored = replace(running, data_dir=tmp_path / "restored")
    operate(restored, "restore", str(backup))
    assert open_to_others(restored.data_dir) == []


@pytest.mark.parametrize("name", VALKEYS)
def test_a_valkey_asks_for_its_password(mesh: Mesh, name: str) -> None:
    port = mesh.valkey(name).get_connection_kwargs()["port"]
    with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    with Redis(port=port, password=GUESSED) as guessing, pytest.raises(AuthenticationError):
        guessing.ping()
    with mesh.valkey(name) as ours:
        assert ours.ping()
        for command in ("DEBUG SLEEP 0", "MODULE LOAD x", "CONFIG SET dir /tmp"):
            with pytest.raises(ResponseError):
                ours.execute_command(*command.split())
        shown = Path(f"/proc/{ours.info('server')['process_id']}/cmdline").read_bytes()
        secret = ours.get_connection_kwargs()["credential_provider"].get_credentials()[-1]
        assert secret.encode() not in shown


def test_no_secret_is_in_an_environment_or_a_command(mesh: Mesh) -> None:
    passwords = list((mesh.data_dir / "valkey").glob("*.password"))
    secrets = {
        SIGNING_KEY,
        CURSOR_KEY,
        read_operator(mesh.data_dir).client_secret,
        (mesh.data_dir / "identity.key").read_text().strip(),
        *(path.read_text().strip() for path in passwords),
    }
    children = descendants(mesh.process.pid)
    assert len(children) > len(mesh.children())
    for pid in children:
        for file in ("environ", "cmdline"):
            shown = Path(f"/proc/{pid}/{file}").read_bytes()
            assert not [secret for secret in secrets if secret.encode() in shown], (pid, file)
    assert len(passwords) == len(VALKEYS)


def listening(pids: list[int]) -> set[int]:
    """TCP ports on which one of these processes listens."""
    held = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                held.update(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        int(fields[1].rpartition(":")[2], 16)
        for fields in lines
        if fields[3] == LISTENING and fields[9] in held
    }


def clusters(mesh: Mesh) -> dict[str, int]:
    """The ports that the edge connects to, by cluster."""
    document = json.loads((mesh.data_dir / "envoy.json").read_text())
    return {
        cluster["name"]: at["port_value"]
        for cluster in document["static_resources"]["clusters"]
        for group in cluster.get("load_assignment", {"endpoints": []})["endpoints"]
        for each in group["lb_endpoints"]
        if (at := each["endpoint"]["address"].get("socket_address"))
    }


def known_ports(mesh: Mesh) -> set[int]:
    """Ports that need a certificate or a password, the edge's port, and ports of metrics."""
    addresses = [str(mesh.rest.base_url).rstrip("/")]
    addresses += [f":{port}" for name, port in clusters(mesh).items() if "http" in name]
    addresses += [mesh.address(service) for service in mesh.children()]
    addresses += re.findall(r'"([\d.]+:\d+)"', (mesh.data_dir / TARGETS_FILE).read_text())
    ports = {int(address.rpartition(":")[2]) for address in addresses}
    return ports | {mesh.valkey(name).get_connection_kwargs()["port"] for name in VALKEYS}


def test_no_other_port_is_open_than_the_known_ones(mesh: Mesh) -> None:
    found = listening(descendants(mesh.process.pid))
    assert len(found) > len(mesh.children())
    assert found - known_ports(mesh) == set()


def test_metrics_are_all_that_their_ports_show(mesh: Mesh) -> None:
    ports = re.findall(r'"[\d.]+:(\d+)"', (mesh.data_dir / TARGETS_FILE).read_text())
    for port in map(int, ports):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as anybody:
            assert anybody.get("/metrics").status_code == 200
            for path in ("/config_dump", "/runtime_modify?a=b", "/quitquitquit", "/server_info"):
                assert anybody.post(path).status_code in {404, 405, 501}, path
            # Neither by a path that leads out of it.
            assert "static_resources" not in anybody.get("/metrics/../config_dump").text


def test_the_administrator_is_the_owner_and_changes_no_limit(mesh: Mesh) -> None:
    folder = mesh.data_dir / "sockets"
    assert not [path for path in folder.iterdir() if path.stat().st_mode & OTHERS]
    sockets = list(folder.glob("*.admin"))
    assert len(sockets) == (1 + sum(map(len, mesh.replicas().values())) if SIDECARS else 1)
    for path in sockets:
        assert path.stat().st_mode & OTHERS == 0
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(base_url="http://admin", transport=transport) as admin:
            before = admin.get("/runtime").json()
            refused = admin.post("/runtime_modify?http.max_requests_per_io_cycle=1")
            assert refused.status_code == 503, refused.text
            assert admin.get("/runtime").json() == before


def test_who_shows_no_certificate_is_hung_up_on(mesh: Mesh) -> None:
    """The issuer's own port, where one would pass by the edge's limits."""
    port = clusters(mesh)["identity_http"]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /oauth/jwks HTTP/1.1\r\nhost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"200" not in plain.recv(1_024)
    believing = ssl.create_default_context()
    believing.check_hostname, believing.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(verify=believing) as anybody, pytest.raises(httpx.TransportError):
        anybody.get(f"https://127.0.0.1:{port}/oauth/jwks")


def test_a_made_up_message_erases_nothing(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, ada = sign_up(mesh)
    bob = user(mesh)
    follow(mesh, bob, ada)
    follow(mesh, ada, bob)
    tweet, other = post(mesh, ada), post(mesh, bob)
    eventually(lambda: home(mesh, bob), [other, tweet])
    eventually(lambda: timeline(mesh, ada), [tweet])
    with redelivery(mesh) as bus:
        # As whoever reads the password could: with a time long past, so that all is done at once.
        bus.publish(USER_EVENTS, UserEvents().deleted(ada, 1))
        bus.publish(TWEET_EVENTS, TweetEvents().deleted(tweet, ada))
        # Bob's tweet as Ada's own.
        bus.publish(TWEET_EVENTS, created(other, ada))
    erasing = ("user", "tweet.erasure"), ("user", "graph.erasure"), ("user", "identity.erasure")
    for kind, subscription in (*erasing, ("tweet", "fanout.author")):
        number = ada if kind == "user" else tweet
        why = f"{kind} {number} is said to be deleted, and is there"

        def refused(subscription: str = subscription, why: str = why) -> bool:
            keys = {"AVIARY_SIGNING_KEYS": f"k1:{SIGNING_KEY}"}
            listed = operate(mesh, "dead-letters", subscription, **keys)
            return why in " ".join(listed.split())

        eventually(refused, expected=True, within_s=GIVEN_UP_WITHIN_S)
    assert mesh.rest.get(f"/v1/users/{ada}").status_code == 200
    assert mesh.rest.get(f"/v1/tweets/{tweet}").status_code == 200
    assert (home(mesh, bob), home(mesh, ada)) == ([other, tweet], [other, tweet])
    assert timeline(mesh, ada) == [tweet]
    assert logged_in(mesh, handle, app)["access_token"]


def timeline(mesh: Mesh, author: int) -> list[int]:
    answer = mesh.rest.get("/v1/timeline/user", params={"user_id": author})
    assert answer.status_code == 200, answer.text
    return [int(tweet["tweet_id"]) for tweet in answer.json()["tweets"]]


def test_a_deletion_that_is_true_is_done_when_the_owner_can_be_asked(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    tweet = post(mesh, ada)
    eventually(lambda: home(mesh, bob), [tweet])
    assert mesh.rest.delete(f"/v1/users/{ada}").status_code == 200
    deadline = time.monotonic() + GIVEN_UP_WITHIN_S
    while mesh.rest.get(f"/v1/tweets/{tweet}").status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    eventually(lambda: home(mesh, bob), [])
