"""Build and check the edge's committed configuration.

python -m gateway build-envoy
python -m gateway check-envoy
"""

import subprocess
from pathlib import Path

import click

from gateway.edge import DEFAULT_STATS_PORT, EdgeConfig, to_yaml
from gateway.envoy_binary import envoy_binary

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "envoy" / "envoy.yaml"
HEADER = "# Made by `python -m gateway build-envoy` from gateway/edge/; do not edit.\n"


def _text() -> str:
    return HEADER + to_yaml(EdgeConfig(stats_port=DEFAULT_STATS_PORT))


@click.group()
def main() -> None:
    """Build and check envoy/envoy.yaml."""


@main.command("build-envoy")
def build_envoy() -> None:
    """Write envoy/envoy.yaml with the default ports."""
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(_text())


@main.command("check-envoy")
def check_envoy() -> None:
    """Fail when envoy/envoy.yaml is stale or Envoy refuses it."""
    if not TARGET.exists() or TARGET.read_text() != _text():
        raise click.ClickException("envoy/envoy.yaml is stale: run `python -m gateway build-envoy`")
    # From the root, which the descriptor's path is relative to.
    verdict = subprocess.run(  # noqa: S603 - our own binary and file
        [str(envoy_binary()), "--mode", "validate", "-c", str(TARGET), "--log-level", "warn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if verdict.returncode != 0:
        raise click.ClickException(f"Envoy refuses envoy/envoy.yaml:\n{verdict.stderr}")
    click.echo("envoy/envoy.yaml is current and valid")


if __name__ == "__main__":
    main()
