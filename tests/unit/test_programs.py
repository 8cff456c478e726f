"""Every program that an installed Aviary has says what it is and of which version."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

DISTRIBUTION = distribution("aviary")
SCRIPTS = tuple(
    entry.name for entry in DISTRIBUTION.entry_points if entry.group == "console_scripts"
)
FOLDER = Path(sys.executable).parent
PROGRAMS = {
    **{name: [str(FOLDER / name)] for name in SCRIPTS},
    # Run by these names alone.
    "services": [sys.executable, "-m", "services"],
    "gateway": [sys.executable, "-m", "gateway"],
    "gateway.draining_envoy": [sys.executable, "-m", "gateway.draining_envoy"],
}


def said(program: str, *arguments: str) -> str:
    # With nothing in its environment to work on: it asks nobody, and reads no setting.
    command = [*PROGRAMS[program], *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_scripts_are_those_of_the_project() -> None:
    assert set(SCRIPTS) == {"aviary", "aviary-gateway", "aviary-probe"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_says_its_version(program: str) -> None:
    assert DISTRIBUTION.version in said(program, "--version")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_helps(program: str) -> None:
    assert said(program, "--help").lower().startswith("usage:")
