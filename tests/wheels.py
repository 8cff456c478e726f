"""Wheels built as for a release, and environments with one of them and none of this checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

__all__ = ["ROOT", "build_wheel", "environment", "run", "scripts_of", "write_own_packages"]

ROOT = Path(__file__).resolve().parents[1]


def build_wheel(project: Path, into: Path) -> Path:
    """Build the wheel of the project in this folder; return its path."""
    # The builder is among the development dependencies: nothing is fetched.
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", into]
    subprocess.run([sys.executable, *build, project], check=True)
    (built,) = into.glob("*.whl")
    return built


def environment(folder: Path, wheel: Path) -> Path:
    """Make an environment with the wheel in `folder`; return the folder of its scripts."""
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / "bin"
    install = ["-m", "pip", "--python", scripts / "python", "install", "--quiet"]
    offline = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, *install, *offline, wheel], check=True)
    # Its dependencies are those installed here. A folder that is named so gives its packages, but
    # not the links that it has to other folders, such as the one to this checkout.
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


def run(
    scripts: Path, cwd: Path, program: str, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run one of an environment's programs in `cwd`, with nothing of this process's environment."""
    return subprocess.run(
        [scripts / program, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def scripts_of(wheel: Path) -> set[str]:
    """Name the console scripts that installing this wheel makes."""
    with zipfile.ZipFile(wheel) as opened:
        (path,) = (name for name in opened.namelist() if name.endswith("/entry_points.txt"))
        points = ConfigParser()
        points.read_string(opened.read(path).decode())
    return set(points["console_scripts"])


def write_own_packages(folder: Path) -> None:
    """Give `folder` packages of a user's own, of the names that Aviary's source tree uses."""
    for name in ("services", "gateway"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
