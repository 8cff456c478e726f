"""The wheel of stubs alone, for those who call Aviary's services and run none of them."""

import importlib
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.wheels import ROOT, build_wheel, run

CALL = """
from concurrent import futures

import grpc
from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest, GetTweetResponse
from aviary.tweet.v1.tweet_service_pb2_grpc import (
    TweetServiceServicer,
    TweetServiceStub,
    add_TweetServiceServicer_to_server,
)


class Tweets(TweetServiceServicer):
    def GetTweet(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, f"no tweet {request.tweet_id}")


server = grpc.server(futures.ThreadPoolExecutor(1))
add_TweetServiceServicer_to_server(Tweets(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    try:
        TweetServiceStub(channel).GetTweet(GetTweetRequest(tweet_id=7))
    except grpc.RpcError as error:
        print(error.details())
server.stop(None)
"""
MESSAGES = """
from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest

GetTweetRequest(tweet_id=7)
GetTweetRequest(tweet_id="seven")
"""
CALLS = """
import grpc
from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest, GetTweetResponse
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceAsyncStub, TweetServiceStub

request = GetTweetRequest(tweet_id=7)
stub = TweetServiceStub(grpc.insecure_channel("localhost"))
text: str = stub.GetTweet(request).tweet.text
text = stub.GetTweet(request).tweet.tweet_id
stub.GetTweet(GetTweetResponse())
request.no_such_field


async def read(channel: grpc.aio.Channel) -> str:
    stub: TweetServiceAsyncStub = TweetServiceStub(channel)
    return (await stub.GetTweet(request)).tweet.tweet_id
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT / "deploy" / "stubs", tmp_path_factory.mktemp("wheel"))


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as opened:
        (path,) = (name for name in opened.namelist() if name.endswith("/METADATA"))
        stated = message_from_bytes(opened.read(path)).get_all("Requires-Dist") or []
    return [Requirement(each) for each in stated]


def needed(stated: Iterable[Requirement], extra: str = "") -> set[str]:
    """Name the distributions that these ask for, and whatever those need in their turn."""
    wanted = {
        each.name
        for each in stated
        if each.marker is None or each.marker.evaluate({"extra": extra})
    }
    return wanted.union(
        *(needed(map(Requirement, distribution(name).requires or [])) for name in wanted)
    )


def environment(wheel: Path, folder: Path, extra: str = "") -> Path:
    """Make an environment of the stubs and what they say they need; give its scripts' folder."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    for name in needed(requirements(wheel), extra):
        for file in distribution(name).files or []:
            if ".." in file.parts:  # a script
                continue
            link = packages / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.locate())
    return folder / "bin"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(wheel, tmp_path_factory.mktemp("environment"))


def faults_in(program: str, installed: Path, folder: Path) -> list[str]:
    """Have mypy check a caller's program, strictly, with what its environment has."""
    (folder / "client.py").write_text(program)
    checker = ["-m", "mypy", "--strict", "--python-executable", installed / "python"]
    checked = subprocess.run(
        [sys.executable, *checker, "client.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1, checked.stdout + checked.stderr
    return [line for line in checked.stdout.splitlines() if "error:" in line]


def test_the_stubs_need_what_generated_code_needs_and_no_more(wheel: Path) -> None:
    assert {each.name for each in requirements(wheel) if each.marker is None} == {
        "googleapis-common-protos",
        "grpcio",
        "protobuf",
    }


def test_a_service_is_called_with_them(installed: Path, tmp_path: Path) -> None:
    called = run(installed, tmp_path, "python", "-c", CALL)
    assert called.stdout == "no tweet 7\n", called.stderr


def test_every_module_can_be_imported(installed: Path, tmp_path: Path) -> None:
    found = (ROOT / "gen").rglob("*.py")
    modules = [".".join(path.relative_to(ROOT / "gen").with_suffix("").parts) for path in found]
    assert modules
    imported = run(installed, tmp_path, "python", "-c", f"import {', '.join(modules)}")
    assert imported.returncode == 0, imported.stderr


def test_the_stubs_are_typed(installed: Path, tmp_path: Path) -> None:
    (fault,) = faults_in(MESSAGES, installed, tmp_path)
    assert fault.startswith('client.py:5: error: Argument "tweet_id"')


def test_with_types_of_the_libraries_calls_are_checked_too(wheel: Path, tmp_path: Path) -> None:
    typed = environment(wheel, tmp_path / "environment", extra="typing")
    faults = faults_in(CALLS, typed, tmp_path)
    assert [fault.partition(": ")[0] for fault in faults] == [
        "client.py:9",
        "client.py:10",
        "client.py:11",
        "client.py:16",
    ], faults


@pytest.mark.parametrize("project", [ROOT, ROOT / "deploy" / "stubs"], ids=["aviary", "stubs"])
def test_libraries_are_no_older_than_what_generated_the_code(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {found.name: found.specifier for found in map(Requirement, stated)}
    module = "aviary.tweet.v1.tweet_service_pb2"
    grpc_version = importlib.import_module(f"{module}_grpc").GRPC_GENERATED_VERSION
    code = (ROOT / "gen" / f"{module.replace('.', '/')}.py").read_text()
    protobuf_version = re.search(r"# Protobuf Python Version: ([\d.]+)", code)
    assert protobuf_version is not None
    assert str(bounds["grpcio"]) == f">={grpc_version}"
    assert str(bounds["protobuf"]) == f">={protobuf_version[1]}"
