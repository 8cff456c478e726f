"""The list of scenarios."""

from pathlib import Path

from click.testing import CliRunner

from bench import scenarios
from bench.command import main
from bench.scenarios import SCENARIOS


def test_every_module_of_a_scenario_is_listed() -> None:
    folder = Path(scenarios.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    listed = {module.__name__.rpartition(".")[2] for module in SCENARIOS.values()}
    assert listed == modules
    assert {name.replace("-", "_") for name in SCENARIOS} == modules


def test_the_command_lists_them() -> None:
    said = CliRunner().invoke(main, ["--list"])
    assert said.exit_code == 0
    assert [line.split()[0] for line in said.output.splitlines()] == list(SCENARIOS)
    assert len({module.TITLE for module in SCENARIOS.values()}) == len(SCENARIOS)
