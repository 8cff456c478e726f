"""`python -m gateway check`: it finds each kind of drift, and none where there is none."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from aviary.gateway.v1 import challenge_service_pb2, health_service_pb2
from click.testing import CliRunner
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection

from gateway.__main__ import main
from gateway.check import addresses_of, edge_drift, service_drift
from gateway.control_plane.challenges import ChallengeServicer
from gateway.control_plane.health import HealthServicer
from gateway.control_plane.proof_of_work import ProofOfWork
from gateway.envoy import EdgeConfig, own_contracts, to_yaml
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.rpc.server import RpcServer, Servicer
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from tests.edge.conftest import DESCRIPTOR, GENERATED
from tests.processes import free_port

TWEET_FILE = "aviary/tweet/v1/tweet_service.proto"
TWEET_SERVICE = "aviary.tweet.v1.TweetService"
Alter = Callable[[FileDescriptorProto], None]


async def test_a_real_service_is_as_described() -> None:
    health = health_service_pb2.DESCRIPTOR.services_by_name["HealthService"]
    challenge = challenge_service_pb2.DESCRIPTOR.services_by_name["ChallengeService"]
    proofs = ProofOfWork(ValkeyNode(), SystemClock(), lambda: [b"k" * 32])
    server = RpcServer(
        "127.0.0.1:0",
        [Servicer(health, HealthServicer({})), Servicer(challenge, ChallengeServicer(proofs))],
    )
    await server.start()
    try:
        addresses = {"gateway": server.address}
        assert await asyncio.to_thread(service_drift, addresses, own_contracts()) == []
        lines = await asyncio.to_thread(service_drift, {"tweet": server.address}, own_contracts())
        assert lines == [
            f"tweet: does not serve {TWEET_SERVICE}",
            "tweet: serves aviary.gateway.v1.ChallengeService, which is not its own",
            "tweet: serves aviary.gateway.v1.HealthService, which is not its own",
        ]
    finally:
        await server.stop(0)


@contextmanager
def serving(alter: Alter) -> Iterator[str]:
    """Serve the reflection of a tweet service whose file was altered."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(DESCRIPTOR.read_bytes()).file:
        if file.name == TWEET_FILE:
            alter(file)
        pool.Add(file)
    server = grpc.server(ThreadPoolExecutor(2))
    reflection.enable_server_reflection([TWEET_SERVICE], server, pool)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def message(file: FileDescriptorProto, name: str) -> Any:
    (found,) = (one for one in file.message_type if one.name == name)
    return found


def renumber(file: FileDescriptorProto) -> None:
    message(file, "DeleteTweetRequest").field[1].number = 7


def add_field(file: FileDescriptorProto) -> None:
    added = message(file, "DeleteTweetResponse").field.add()
    added.name, added.number, added.type, added.label = "extra", 1, added.TYPE_BOOL, 1


def drop_rpc(file: FileDescriptorProto) -> None:
    del file.service[0].method[2]


def move_path(file: FileDescriptorProto) -> None:
    raw = file.service[0].method[1].options.SerializeToString()
    moved = raw.replace(b"/v1/tweets/", b"/v9/tweets/")
    file.service[0].method[1].options.ParseFromString(moved)


def raise_limit(file: FileDescriptorProto) -> None:
    options = message(file, "CreateTweetRequest").field[1].options
    options.ParseFromString(options.SerializeToString().replace(b"tweet-text", b"other-text"))


ALTERED: dict[str, tuple[Alter, str]] = {
    "number": (renumber, "message_type[DeleteTweetRequest].field[request_id].number is 7;"),
    "field": (add_field, "field[extra].type is 'TYPE_BOOL'; the descriptor has none"),
    "rpc": (drop_rpc, "method[DeleteTweet].name is missing; the descriptor has 'DeleteTweet'"),
    "path": (move_path, "http].get is '/v9/tweets/{tweet_id}'; the descriptor has '/v1/"),
    "limit": (raise_limit, "limits].format is 'other-text'; the descriptor has 'tweet-text'"),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_service_is_recognised(kind: str) -> None:
    alter, expected = ALTERED[kind]
    with serving(alter) as address:
        lines = service_drift({"tweet": address}, own_contracts())
    assert all(line.startswith(f"tweet: {TWEET_FILE}: ") for line in lines), lines
    assert any(expected in line for line in lines), lines


def test_what_was_only_commented_on_is_no_drift() -> None:
    with serving(lambda file: file.source_code_info.Clear()) as address:
        assert service_drift({"tweet": address}, own_contracts()) == []


def test_a_service_that_does_not_answer_is_drift() -> None:
    address = f"127.0.0.1:{free_port()}"
    (line,) = service_drift({"tweet": address}, own_contracts())
    assert line == f"tweet: {address} does not answer: UNAVAILABLE"


@pytest.fixture
def edge_files(tmp_path: Path) -> Path:
    """What an edge was given, unaltered."""
    for name in ("descriptor.pb", "openapi.json", "docs.html"):
        (tmp_path / name).write_bytes((GENERATED / name).read_bytes())
    config = EdgeConfig(
        descriptor_path="descriptor.pb", openapi_path="openapi.json", docs_path="docs.html"
    )
    (tmp_path / "envoy.yaml").write_text(to_yaml(config))
    return tmp_path


def drift(folder: Path) -> list[str]:
    return edge_drift(folder / "envoy.yaml", folder, own_contracts())


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_edge_as_built_is_as_described(edge_files: Path) -> None:
    assert drift(edge_files) == []


def test_another_set_of_transcoded_services_is_drift(edge_files: Path) -> None:
    replace_in(edge_files / "envoy.yaml", f"- {TWEET_SERVICE}\n", "- aviary.fanout.v1.Fanout\n")
    assert drift(edge_files) == [
        f"edge: Envoy does not transcode {TWEET_SERVICE}",
        "edge: Envoy transcodes aviary.fanout.v1.Fanout, which has no public RPC",
    ]


def test_another_set_of_routes_is_drift(edge_files: Path) -> None:
    replace_in(edge_files / "envoy.yaml", "TweetService/DeleteTweet", "TweetService/LookupTweets")
    assert drift(edge_files) == [
        f"edge: Envoy has no route to /{TWEET_SERVICE}/DeleteTweet",
        f"edge: Envoy has a route to /{TWEET_SERVICE}/LookupTweets, which is not public",
    ]


def test_another_descriptor_in_the_transcoder_is_drift(edge_files: Path) -> None:
    files = FileDescriptorSet.FromString(DESCRIPTOR.read_bytes())
    (file,) = (one for one in files.file if one.name == TWEET_FILE)
    renumber(file)
    (edge_files / "descriptor.pb").write_bytes(files.SerializeToString())
    (line,) = drift(edge_files)
    assert line.startswith("edge: the transcoder's descriptor.pb: ")
    assert line.endswith("[request_id].number is 7; the descriptor has 2")
    (edge_files / "descriptor.pb").unlink()
    assert "descriptor.pb cannot be read" in drift(edge_files)[0]


def test_another_document_is_drift(edge_files: Path) -> None:
    path = edge_files / "openapi.json"
    document = json.loads(path.read_text())
    altered = copy.deepcopy(document)
    del altered["paths"]["/healthz"]
    path.write_text(json.dumps(altered))
    assert all(
        "openapi.json: paths./" in line and "is missing" in line for line in drift(edge_files)
    )
    assert drift(edge_files)
    path.write_text("{")
    assert "openapi.json cannot be read" in drift(edge_files)[0]


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "link"])
def test_files_elsewhere_are_not_read(edge_files: Path, name: str) -> None:
    (edge_files.parent / "outside").write_bytes((GENERATED / "descriptor.pb").read_bytes())
    (edge_files / "link").symlink_to(edge_files.parent / "outside")
    replace_in(edge_files / "envoy.yaml", "descriptor.pb", name)
    assert any("cannot be read" in line for line in drift(edge_files))


def test_an_edge_without_a_document_is_drift(edge_files: Path) -> None:
    replace_in(edge_files / "envoy.yaml", "path: /openapi.json", "path: /elsewhere.json")
    assert drift(edge_files) == ["edge: Envoy serves no /openapi.json"]


def test_addresses_come_from_the_folder_of_a_run_or_the_environment(tmp_path: Path) -> None:
    assert addresses_of(None, {}) == DEFAULT_ADDRESSES
    environment = {"AVIARY_TWEET_ADDRESS": "127.0.0.1:7"}
    assert addresses_of(None, environment)["tweet"] == "127.0.0.1:7"
    # Ports where nobody was asked to listen would only confuse.
    with pytest.raises(ValueError, match="Aviary does not run in that folder"):
        addresses_of(tmp_path, environment)
    (tmp_path / "addresses.json").write_text('{"tweet": "127.0.0.1:8"}')
    assert addresses_of(tmp_path, environment) == {"tweet": "127.0.0.1:8"}
    (tmp_path / "addresses.json").write_text("[]")
    with pytest.raises(ValueError, match="holds no addresses"):
        addresses_of(tmp_path, environment)


def test_the_command_shows_the_differences_and_fails(edge_files: Path) -> None:
    with serving(renumber) as address:
        (edge_files / "addresses.json").write_text(json.dumps({"tweet": address}))
        answer = CliRunner().invoke(main, ["check", "--data-dir", str(edge_files)])
    assert answer.exit_code == 1
    assert "tweet: " in answer.output
    assert "[request_id].number is 7" in answer.output
    with serving(lambda _: None) as address:
        (edge_files / "addresses.json").write_text(json.dumps({"tweet": address}))
        (edge_files / "envoy.yaml").unlink()  # so that the committed one is taken
        answer = CliRunner().invoke(main, ["check", "--data-dir", str(edge_files)])
    assert (answer.exit_code, answer.output) == (0, "tweet, the edge and its document agree\n")
