"""A service that is a folder with a declaration is everywhere, and runs; no other file is touched.

The service is `tests/added/services/poll`, its contract `tests/added/protos`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_tools import protoc

from services.platform.rpc.server import READY
from tests.contract.valkey_servers import valkey_node
from tests.e2e.acting import eventually
from tests.processes import free_port, kill_group, wait_for_port
from tools.protos import ERROR_DETAILS, GOOGLEAPIS, PROTOS, ROOT, WELL_KNOWN

ADDED = ROOT / "tests" / "added"
PROTO = "aviary/poll/v1/poll_service.proto"
GET_POLL = "aviary.poll.v1.PollService/GetPoll"
LOOKUP = "aviary.tweet.v1.TweetService/LookupTweets"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make generate` would make of all contracts and this one."""
    folder = tmp_path_factory.mktemp("gen")
    ours = [str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto")]
    includes = [f"-I{each}" for each in (PROTOS, ADDED / "protos", GOOGLEAPIS, WELL_KNOWN)]
    image = [
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={folder}/descriptor.pb",
    ]
    assert protoc.main(["protoc", *includes, *image, *ours, PROTO, ERROR_DETAILS]) == 0
    assert protoc.main(["protoc", *includes, f"--python_out={folder}", PROTO]) == 0
    return folder


@pytest.fixture(scope="module")
def environment(generated: Path) -> Mapping[str, str]:
    """Of an interpreter that finds the added folder and the generated module."""
    path = os.pathsep.join([str(ADDED / "site"), str(generated), str(ROOT)])
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AVIARY_")}
    return {**kept, "PYTHONPATH": path}


@pytest.fixture(scope="module")
def places(
    generated: Path, environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    script = ADDED / "places.py"
    printed = subprocess.run(
        [sys.executable, script, "poll", generated, tmp_path_factory.mktemp("places")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def test_declarations(places: dict[str, Any]) -> None:
    found = places["declared"]
    assert found["calls"] == [LOOKUP]
    assert found["certificate"]
    assert found["topics"] == ["poll-events"]
    assert found["subscriptions"]["poll.tweets"] == "tweet-events"
    assert found["settings"] == "127.0.0.1:7"
    assert "poll.open" in found["flags"]
    assert "poll.words" in found["backup"]


def test_plan_of_the_supervisor(places: dict[str, Any]) -> None:
    found = places["local"]
    assert found.pop("argv") == ["-m", "services", "poll"]
    assert found == dict.fromkeys(found, True)


def test_sidecars(places: dict[str, Any]) -> None:
    found = places["sidecars"]
    assert found["clusters"] == ["behind", "tweet"]
    assert found["lets in"]["edge"] == [f"/{GET_POLL}"]
    assert found["is let in by tweet"] == [f"/{LOOKUP}"]


def test_the_edge(places: dict[str, Any]) -> None:
    found = places["edge"]
    assert found.pop("cluster") == 1
    assert found == dict.fromkeys(found, True)


def test_manifests_and_compose(places: dict[str, Any]) -> None:
    found = places["deploy"]
    assert {"Deployment", "Service", "ServiceAccount"} <= set(found.pop("kinds"))
    assert found.pop("policy") == "NetworkPolicy"
    assert found.pop("compose command") == ["poll"]
    environment = found.pop("compose environment")
    assert environment == dict.fromkeys(environment, True)
    assert found == dict.fromkeys(found, True)


def test_names_in_terraform(places: dict[str, Any]) -> None:
    found = places["terraform"]
    assert found["service"] == {
        "port": 50_099,
        "tables": ["poll_votes", "fanout_controls"],
        "publishes": ["poll-events"],
        "subscribes": ["poll.tweets", "poll.tallies"],
        "uses_cache": True,
        "secrets": ["AVIARY_CURSOR_KEY"],
        "extra_ports": {},
    }
    assert found["table"] == {"max_age_s": 86_400, "key": "{poll:016x}"}
    assert found["subscriptions"]["poll.tweets"] == "tweet-events"
    assert "poll-events" in found["topics"]


def test_rules_and_dashboards_take_services_by_their_labels(places: dict[str, Any]) -> None:
    assert places["observability"] == {"by job": True, "by subscription": True, "name a job": []}


def test_pages(places: dict[str, Any]) -> None:
    assert "| `poll` | polls beneath tweets |" in places["pages"]["readme"]
    (row,) = places["pages"]["addresses"]
    assert "`127.0.0.1:50099`" in row


def test_command_line(environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "services", "--help"]
    helped = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "polls beneath tweets" in helped.stdout


@pytest.fixture
def address(environment: Mapping[str, str], tmp_path: Path) -> Iterator[str]:
    """Start it as a container does; the address where it listens."""
    port = free_port()
    with valkey_node(tmp_path) as valkey:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "poll"],
            env={
                **environment,
                "AVIARY_POLL_ADDRESS": f"127.0.0.1:{port}",
                "AVIARY_DATA_DIR": str(tmp_path / "data"),
                "AVIARY_BUS_VALKEY_URL": f"redis://127.0.0.1:{valkey}/0",
                "AVIARY_CACHE_VALKEY_URL": f"redis://127.0.0.1:{valkey}/1",
            },
            start_new_session=True,
        )
        try:
            wait_for_port(process, port)
            yield f"127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            kill_group(process)


def test_it_runs_is_healthy_and_does_its_work(address: str, generated: Path) -> None:
    ask, answer_of = messages(generated)
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)

        def is_ready() -> bool:
            said = health.Check(health_pb2.HealthCheckRequest(service=READY), timeout=10)
            return bool(said.status == health_pb2.HealthCheckResponse.SERVING)

        eventually(is_ready, expected=True)
        get = channel.unary_unary(f"/{GET_POLL}", ask.SerializeToString, answer_of.FromString)

        def has_votes() -> bool:
            # Each read publishes an event, whose arrival is a vote in the table.
            answer = get(ask(poll_id=7), timeout=10)
            assert (answer.poll_id, answer.open) == (7, True)
            return bool(answer.votes > 0)

        eventually(has_votes, expected=True)


def messages(generated: Path) -> tuple[Any, Any]:
    """The contract's messages, in a pool of their own: this process has not the service."""
    pool = descriptor_pool.DescriptorPool()
    read = descriptor_pb2.FileDescriptorSet.FromString((generated / "descriptor.pb").read_bytes())
    for file in read.file:
        pool.Add(file)
    ask, answer = (
        GetMessageClass(pool.FindMessageTypeByName(f"aviary.poll.v1.GetPoll{kind}"))
        for kind in ("Request", "Response")
    )
    return ask, answer
