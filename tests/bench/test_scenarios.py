"""The list of scenarios."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import scenarios
from bench.command import main
from bench.scenarios import SCENARIOS
from bench.writing import write


def test_every_module_of_a_scenario_is_listed() -> None:
    folder = Path(scenarios.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    listed = {module.__name__.rpartition(".")[2] for module in SCENARIOS.values()}
    assert listed == modules
    assert {name.replace("-", "_") for name in SCENARIOS} == modules


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seconds", "nan"], "not a number"),
        (["--seconds", "inf"], "not in the range"),
        (["--soak-minutes", "nan"], "not a number"),
        (["--edges", "/nowhere"], "does not exist"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_runs(
    options: list[str], said: str
) -> None:
    refused = CliRunner().invoke(main, options)
    assert refused.exit_code == 2
    assert said in refused.output


def test_a_folder_that_takes_no_files_is_found_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = CliRunner().invoke(main, ["--out", str(tmp_path / "file" / "below")])
    assert refused.exit_code == 1
    assert "nothing can be written into" in refused.output


def test_a_file_that_cannot_be_written_whole_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write(path, "earlier")
    # Where its parts are to go there is something else.
    (tmp_path / ".results.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        write(path, "later")
    assert path.read_text() == "earlier"


def test_the_command_lists_them() -> None:
    said = CliRunner().invoke(main, ["--list"])
    assert said.exit_code == 0
    assert [line.split()[0] for line in said.output.splitlines()] == list(SCENARIOS)
    assert len({module.TITLE for module in SCENARIOS.values()}) == len(SCENARIOS)
