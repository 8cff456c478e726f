"""What `pip install` brings, built as a release is built."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUBS = "aviary.tweet.v1.tweet_service_pb2_grpc"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Its own builder is among the development dependencies: nothing is fetched.
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder]
    subprocess.run([sys.executable, *build, ROOT], check=True)
    (built,) = folder.glob("aviary-*.whl")
    return built


def test_internal_stubs_are_importable(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(installed)
    # Before the checkout's own: what is imported must come out of the wheel.
    ask = f"import {STUBS} as stubs; print(stubs.__file__, stubs.TweetServiceStub.__name__)"
    answer = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    where, name = answer.stdout.split()
    assert where.startswith(str(installed))
    assert name == "TweetServiceStub"


def test_wheel_has_the_services_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert roots == {"aviary", "gateway", "services"}
    assert "aviary/py.typed" in names
    assert "services/__main__.py" in names
