"""Build and check what watches Aviary, or start a Prometheus beside `make run`.

python -m tools.observability build
python -m tools.observability check
python -m tools.observability prometheus
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import yaml

from services.cli.options import data_dir as data_dir_option
from services.local.scrape_targets import TARGETS_FILE
from services.platform.files import owner_only
from tools.observability.boards import BOARDS
from tools.observability.metrics_page import page
from tools.observability.panels import dashboard
from tools.observability.prometheus_config import prometheus_config
from tools.observability.rules import rule_file

__all__ = ["INSTALL", "ROOT", "RULES", "built", "main", "run_prometheus_argv"]

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "infra" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
RULE_TESTS = ("rules_test.yml", "rules_in_time_test.yml")
CONFIG = PROMETHEUS / "prometheus.yml"
BOARDS_FOLDER = ROOT / "infra" / "grafana" / "dashboards"
PAGE = ROOT / "docs" / "reference" / "metrics.md"
HEADER = "# Made by `python -m tools.observability build`; do not edit.\n"
INSTALL = "on Debian: apt-get install --no-install-recommends prometheus (its service may stay off)"


def built() -> Mapping[Path, str]:
    """Return the text of each file, by its path."""
    config = prometheus_config(RULES.name, "targets/*.json")
    boards = {
        BOARDS_FOLDER / f"{board.uid}.json": json.dumps(dashboard(board), indent=2) + "\n"
        for board in BOARDS
    }
    return {RULES: _yaml(rule_file()), CONFIG: _yaml(config), PAGE: page(), **boards}


def _yaml(content: object) -> str:
    # Wide: an expression in one line can be copied.
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=10_000, allow_unicode=True)


@click.group()
def main() -> None:
    """Rules, dashboards and the page of metrics."""


@main.command()
def build() -> None:
    """Write the generated files."""
    for path, text in built().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@main.command()
def check() -> None:
    """Fail when a generated file is stale, or Prometheus refuses it."""
    files = built()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in BOARDS_FOLDER.glob("*.json") if path not in files]
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise click.ClickException(f"stale: {names}; run `make generate`")
    for arguments in (
        ["check", "config", str(CONFIG)],
        ["check", "rules", str(RULES)],
        *(["test", "rules", str(PROMETHEUS / name)] for name in RULE_TESTS),
    ):
        verdict = subprocess.run(  # noqa: S603 - Debian's own program, our own files
            [_program("promtool"), *arguments], capture_output=True, text=True, check=False
        )
        if verdict.returncode != 0:
            raise click.ClickException(f"{arguments[:2]}: {verdict.stdout}{verdict.stderr}")
    click.echo("rules, dashboards and the page of metrics are current and valid")


@main.command()
@data_dir_option("Folder of the running Aviary.")
@click.option("--port", default=9090, show_default=True, help="On 127.0.0.1.")
def prometheus(data_dir: Path, port: int) -> None:
    """Run Debian's Prometheus on the Aviary that runs with this data folder, until Ctrl-C."""
    # What it writes is in the data folder, and for nobody else either.
    owner_only.umask()
    folder = data_dir.resolve() / TARGETS_FILE.parent
    if not folder.exists():
        raise click.ClickException(f"no Aviary has run with {data_dir}: `make run` first")
    click.echo(f"Prometheus is at http://127.0.0.1:{port}")
    argv = run_prometheus_argv(folder, port)
    os.execv(argv[0], argv)  # noqa: S606 - so that Ctrl-C is its own


def run_prometheus_argv(
    folder: Path, port: int, interval: str = "5s", rules: Path = RULES
) -> list[str]:
    """Write the configuration into `folder`, where the targets are; give the command."""
    config = folder / "prometheus.yml"
    config.write_text(_yaml(prometheus_config(rules, folder / TARGETS_FILE.name, interval)))
    return [
        _program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise click.ClickException(f"{name} is not installed; {INSTALL}")
    return found


if __name__ == "__main__":
    main()
