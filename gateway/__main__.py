"""Build and check the edge's committed configuration.

python -m gateway build-envoy
python -m gateway check-envoy
python -m gateway build-limits-page
python -m gateway check-limits-page
"""

import subprocess
from pathlib import Path

import click
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.edge import EdgeConfig, to_yaml
from gateway.envoy_binary import envoy_binary
from gateway.limits.reference import page

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTOR = ROOT / "gen" / "descriptor.pb"
LIMITS_PAGE = ROOT / "docs" / "reference" / "rate-limits.md"
TARGET = ROOT / "envoy" / "envoy.yaml"
HEADER = "# Made by `python -m gateway build-envoy` from gateway/edge/; do not edit.\n"


def _text() -> str:
    return HEADER + to_yaml(EdgeConfig())


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


@main.command("build-limits-page")
def build_limits_page() -> None:
    """Write docs/reference/rate-limits.md."""
    LIMITS_PAGE.parent.mkdir(parents=True, exist_ok=True)
    LIMITS_PAGE.write_text(_limits_page())


@main.command("check-limits-page")
def check_limits_page() -> None:
    """Fail when docs/reference/rate-limits.md is stale."""
    if not LIMITS_PAGE.exists() or LIMITS_PAGE.read_text() != _limits_page():
        raise click.ClickException("docs/reference/rate-limits.md is stale: run `make generate`")
    click.echo("docs/reference/rate-limits.md is current")


def _limits_page() -> str:
    return page(FileDescriptorSet.FromString(DESCRIPTOR.read_bytes()))


if __name__ == "__main__":
    main()
