"""What `pip install` brings, built as a release is built: Aviary's wheel."""

import re
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.processes import free_port, kill_group, wait_for_port
from tests.wheels import ROOT, build_wheel, environment, run, scripts_of, write_own_packages
from tools.deploy.compose import COMPOSE_FILE

ASK_WHOSE = (
    "import pathlib, gateway, services\n"
    "print(*(pathlib.Path(each.__file__).parents[1] for each in (gateway, services)))"
)
STUBS = "aviary.tweet.v1.tweet_service_pb2_grpc"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that has the wheel, and none of this checkout."""
    return environment(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project, where the commands are typed; it has packages of the names of ours."""
    write_own_packages(tmp_path)
    return tmp_path


def test_wheel_takes_no_names_but_its_own(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "aviary",
        "aviary_server",
    }
    assert "aviary/py.typed" in names


def test_wheel_has_all_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = ["git", "ls-files", "services", "gateway"]
    tracked = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    assert {f"aviary_server/_tree/{name}" for name in tracked.stdout.split()} <= names


def test_wheel_says_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (path,) = (name for name in opened.namelist() if name.endswith("licenses/LICENSE"))
        assert opened.read(path) == (ROOT / "LICENSE").read_bytes()
        metadata = opened.read(str(Path(path).parents[1] / "METADATA")).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in metadata


def test_containers_run_what_the_wheel_installs(wheel: Path) -> None:
    dockerfile = (ROOT / "deploy" / "images" / "Dockerfile").read_text()
    containers = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    called = set(re.findall(r'^ENTRYPOINT \["(\w+)"\]', dockerfile, re.MULTILINE))
    called |= {
        each["healthcheck"]["test"][1]
        for each in containers.values()
        if each["image"].startswith("aviary-services:") and "healthcheck" in each
    }
    assert called == {"aviary", "aviary-probe"}
    assert called <= scripts_of(wheel)


def test_internal_stubs_are_importable(installed: Path, project: Path) -> None:
    ask = f"import {STUBS} as stubs; print(stubs.__file__, stubs.TweetServiceStub.__name__)"
    where, name = run(installed, project, "python", "-c", ask).stdout.split()
    assert Path(where).is_relative_to(installed.parent)
    assert name == "TweetServiceStub"


def test_a_users_own_packages_are_what_the_user_imports(installed: Path, project: Path) -> None:
    found = run(installed, project, "python", "-c", ASK_WHOSE)
    assert found.stdout == f"{project} {project}\n", found.stderr


def test_another_distributions_packages_are_as_good(
    wheel: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scripts = environment(tmp_path_factory.mktemp("environment"), wheel)
    (packages,) = scripts.parent.glob("lib/python*/site-packages")
    write_own_packages(packages)
    found = run(scripts, tmp_path, "python", "-c", ASK_WHOSE)
    assert found.stdout == f"{packages} {packages}\n", found.stderr
    helped = run(scripts, tmp_path, "aviary", "user", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    helped = run(scripts, tmp_path, "aviary-gateway", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["user", "--help"], ["load", "--help"]])
def test_command_line_helps_beside_a_users_own_packages(
    installed: Path, project: Path, words: list[str]
) -> None:
    helped = run(installed, project, "aviary", *words)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("Usage: aviary ")


def test_certificates_are_made_beside_a_users_own_packages(installed: Path, project: Path) -> None:
    made = run(installed, project, "aviary", "certs", "--data-dir", str(project / "data"))
    assert made.returncode == 0, made.stderr
    assert list((project / "data").rglob("*.pem"))


@pytest.mark.timeout(400)  # a busy machine takes minutes to make it and to check it
def test_installed_edge_configuration_is_one_that_envoy_takes(
    installed: Path, project: Path
) -> None:
    built = run(installed, project, "aviary-gateway", "build-envoy")
    assert built.returncode == 0, built.stderr
    text = (project / "envoy" / "envoy.yaml").read_text()
    assert f"{installed.parent}/lib" in text
    assert str(ROOT) not in text
    sidecars = run(installed, project, "aviary-gateway", "build-sidecars")
    assert sidecars.returncode == 0, sidecars.stderr
    # Envoy opens the files that they name.
    checked = run(installed, project, "aviary-gateway", "check-envoy")
    assert checked.returncode == 0, checked.stderr


def test_installed_package_does_not_pretend_to_be_a_source_tree(
    installed: Path, project: Path
) -> None:
    refused = run(installed, project, "aviary-gateway", "build-openapi")
    assert refused.returncode == 1
    assert "a wheel carries it" in refused.stderr


def test_installed_service_serves_is_probed_and_ends_cleanly(
    installed: Path, project: Path
) -> None:
    port, probe = free_port(), {"AVIARY_PROBE_ADDRESS": f"127.0.0.1:{free_port()}"}
    process = subprocess.Popen(
        [installed / "aviary", "id"],
        cwd=project,
        env={
            "AVIARY_ID_ADDRESS": f"127.0.0.1:{port}",
            "AVIARY_DATA_DIR": str(project / "data"),
            **probe,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_port(process, port)
        healthy = run(installed, project, "aviary-probe", **probe)
        assert (healthy.returncode, healthy.stderr) == (0, "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        kill_group(process)
    assert (project / "data" / "id.db").exists()
    gone = run(installed, project, "aviary-probe", **probe)
    assert (gone.returncode, gone.stderr) == (1, "unhealthy: UNAVAILABLE\n")
