"""Build and check what the edge is given.

python -m gateway build-openapi    # gen/openapi.json and gen/docs.html, which the edge serves
python -m gateway build-envoy      # envoy/envoy.yaml
python -m gateway check-openapi    # fails when they are stale
python -m gateway check-envoy      # the same, and when Envoy refuses its configuration
python -m gateway check            # fails when running services, edge and document disagree
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click

from gateway.check import addresses_of, certificates_of, edge_drift, service_drift
from gateway.edge import GENERATED, SOURCE_TREE, EdgeConfig, own_contracts, to_yaml
from gateway.envoy_binary import envoy_binary
from gateway.openapi import openapi_document, to_json

__all__ = ["main"]

# Where there is no source tree, files go where the caller is.
ROOT = SOURCE_TREE or Path.cwd()
ENVOY = ROOT / "envoy" / "envoy.yaml"
HEADER = "# Made by `python -m gateway build-envoy` from gateway/edge/; do not edit.\n"


def _envoy() -> Mapping[Path, str]:
    return {ENVOY: HEADER + to_yaml(EdgeConfig())}


def _openapi() -> Mapping[Path, str]:
    if SOURCE_TREE is None:
        raise click.ClickException("the document is made in a source tree; a wheel carries it")
    # Only those who generate need what makes the page.
    from gateway.openapi.page import to_html  # noqa: PLC0415

    document = openapi_document(own_contracts())
    return {
        GENERATED / "openapi.json": to_json(document),
        GENERATED / "docs.html": to_html(document),
    }


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _require_current(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        name = path.relative_to(ROOT)
        if not path.exists() or path.read_text() != text:
            raise click.ClickException(f"{name} is stale: run `make generate`")
        click.echo(f"{name} is current")


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""


@main.command("build-openapi")
def build_openapi() -> None:
    """Write the OpenAPI document and its page."""
    _write(_openapi())


@main.command("build-envoy")
def build_envoy() -> None:
    """Write envoy/envoy.yaml with the default ports."""
    _write(_envoy())


@main.command("check-openapi")
def check_openapi() -> None:
    """Fail when the OpenAPI document or its page is stale."""
    _require_current(_openapi())


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a running `up`: its services' addresses and its edge's configuration. Without "
    "it, or where it has none, AVIARY_*_ADDRESS and envoy/envoy.yaml are read.",
)
def check(data_dir: Path | None) -> None:
    """Compare what runs, what Envoy transcodes and the OpenAPI document with the descriptor."""
    try:
        addresses = addresses_of(data_dir, os.environ)
        certificates = certificates_of(data_dir, os.environ)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    of_run = None if data_dir is None else data_dir / ENVOY.name
    config = of_run if of_run is not None and of_run.exists() else ENVOY
    contracts = own_contracts()
    lines = [
        *service_drift(addresses, contracts, certificates),
        *edge_drift(config, ROOT, contracts),
    ]
    for line in lines:
        click.echo(line)
    if lines:
        raise click.ClickException(f"{len(lines)} differences from gen/descriptor.pb")
    click.echo(f"{', '.join(sorted(addresses))}, the edge and its document agree")


@main.command("check-envoy")
def check_envoy() -> None:
    """Fail when envoy/envoy.yaml is stale or Envoy refuses it."""
    _require_current(_envoy())
    # From the root, which the descriptor's path is relative to.
    verdict = subprocess.run(  # noqa: S603 - our own binary and file
        [str(envoy_binary()), "--mode", "validate", "-c", str(ENVOY), "--log-level", "warn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if verdict.returncode != 0:
        raise click.ClickException(f"Envoy refuses envoy/envoy.yaml:\n{verdict.stderr}")
    click.echo("Envoy accepts envoy/envoy.yaml")


if __name__ == "__main__":
    main()
