"""What `pip install` brings, built as a release is built."""

import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.processes import free_port, kill_group, wait_for_port

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


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that has the wheel, and none of this checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    # Its dependencies are those installed here. A folder that is named so gives its packages, but
    # not the links that it has to other folders, such as the one to this checkout.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def _run(python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_installed_edge_configuration_is_one_that_envoy_takes(
    installed: Path, tmp_path: Path
) -> None:
    built = _run(installed, tmp_path, "gateway", "build-envoy")
    assert built.returncode == 0, built.stderr
    text = (tmp_path / "envoy" / "envoy.yaml").read_text()
    assert f"{installed.parents[1]}/lib" in text
    assert str(ROOT) not in text
    sidecars = _run(installed, tmp_path, "gateway", "build-sidecars")
    assert sidecars.returncode == 0, sidecars.stderr
    # Envoy opens the files that they name.
    checked = _run(installed, tmp_path, "gateway", "check-envoy")
    assert checked.returncode == 0, checked.stderr


def test_installed_package_does_not_pretend_to_be_a_source_tree(
    installed: Path, tmp_path: Path
) -> None:
    refused = _run(installed, tmp_path, "gateway", "build-openapi")
    assert refused.returncode == 1
    assert "a wheel carries it" in refused.stderr


def test_installed_service_serves_and_ends_cleanly(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [installed, "-m", "services", "id"],
        cwd=tmp_path,
        env={"AVIARY_ID_ADDRESS": f"127.0.0.1:{port}", "AVIARY_DATA_DIR": str(tmp_path / "data")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_port(process, port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        kill_group(process)
    assert (tmp_path / "data" / "id.db").exists()
