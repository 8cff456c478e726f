"""Build and check what the edge is given.

python -m gateway build-openapi      # gen/openapi.json and gen/docs.html, which the edge serves
python -m gateway build-envoy        # envoy/envoy.yaml
python -m gateway build-sidecars     # envoy/sidecars/, one for each service
python -m gateway build-limits-page  # docs/reference/rate-limits.md
python -m gateway check-openapi      # fails when they are stale
python -m gateway check-envoy        # the same, and when Envoy refuses what is in envoy/
python -m gateway check-limits-page  # fails when it is stale
python -m gateway check              # fails when running services, edge and document disagree
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import sidecar
from gateway.check import addresses_of, certificates_of, edge_drift, service_drift
from gateway.envoy import (
    DEFAULT_STATS_PORT,
    GENERATED,
    SOURCE_TREE,
    EdgeConfig,
    own_contracts,
    to_yaml,
)
from gateway.envoy.secrets import write_secrets
from gateway.envoy_binary import envoy_binary
from gateway.limits.reference import page
from gateway.openapi import openapi_document, to_json
from services.platform.security.certificates.folder import CertificateFolder

__all__ = ["main"]

# Where there is no source tree, files go where the caller is.
ROOT = SOURCE_TREE or Path.cwd()
ENVOY = ROOT / "envoy" / "envoy.yaml"
SIDECARS = ROOT / "envoy" / "sidecars"
LIMITS_PAGE = ROOT / "docs" / "reference" / "rate-limits.md"
HEADER = "# Made by `python -m gateway build-envoy` from gateway/envoy/; do not edit.\n"
SIDECAR_HEADER = (
    "# Made by `python -m gateway build-sidecars` from gateway/sidecar/; do not edit.\n"
)


def _envoy() -> Mapping[Path, str]:
    return {ENVOY: HEADER + to_yaml(EdgeConfig(stats_port=DEFAULT_STATS_PORT))}


def _sidecars(
    folder: Path, configs: Mapping[str, sidecar.SidecarConfig] | None = None
) -> Mapping[Path, str]:
    return {
        folder / f"{name}.yaml": SIDECAR_HEADER + sidecar.to_yaml(config)
        for name, config in (configs or sidecar.deployed()).items()
    }


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


def _limits_page() -> Mapping[Path, str]:
    return {LIMITS_PAGE: page(own_contracts().files)}


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _require_current(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        name = path.relative_to(ROOT)
        if not path.exists() or path.read_text() != text:
            raise click.ClickException(f"{name} is stale: run `make generate`")
        click.echo(f"{name} is current")


@click.group()
@click.version_option(package_name="aviary")
def main() -> None:
    """Build and check what the edge is given."""


@main.command("build-openapi")
def build_openapi() -> None:
    """Write the OpenAPI document and its page."""
    _write(_openapi())


@main.command("build-envoy")
def build_envoy() -> None:
    """Write envoy/envoy.yaml with the default ports."""
    _write(_envoy())


@main.command("build-sidecars")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=SIDECARS,
    help="Folder to write to; envoy/sidecars by default.",
)
@click.option(
    "--replicas",
    "replicas_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML of services' replicas: service to a list of {address, region, zone}. A service that "
    "is not in it is found by its own name.",
)
@click.option("--region", default="", help="Where these sidecars run.")
@click.option("--zone", default="", help="Where in the region.")
def build_sidecars(out: Path, replicas_file: Path | None, region: str, zone: str) -> None:
    """Write a sidecar's configuration for each service, as one locality runs them."""
    try:
        replicas = {} if replicas_file is None else sidecar.read_replicas(replicas_file)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    _write(_sidecars(out, sidecar.deployed(sidecar.Locality(region, zone), replicas)))


@main.command("check-openapi")
def check_openapi() -> None:
    """Fail when the OpenAPI document or its page is stale."""
    _require_current(_openapi())


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a running `up`: its services' addresses and its edge's configuration. Without "
    "it, AVIARY_*_ADDRESS and envoy/envoy.yaml are read.",
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
    """Fail when a file in envoy/ is stale or Envoy refuses it."""
    _require_current({**_envoy(), **_sidecars(SIDECARS)})
    _require_accepted(ENVOY.relative_to(ROOT), ENVOY)
    with tempfile.TemporaryDirectory() as name:
        # Envoy wants to see the files that a configuration names.
        folder = Path(name)
        CertificateFolder(folder).renew(datetime.now(UTC))
        write_secrets(folder)
        configs = {
            service: replace(config, certificates=name)
            for service, config in sidecar.deployed().items()
        }
        _write(_sidecars(folder, configs))
        for service in configs:
            _require_accepted(
                (SIDECARS / f"{service}.yaml").relative_to(ROOT), folder / f"{service}.yaml"
            )


def _require_accepted(name: Path, path: Path) -> None:
    # From the root, which the descriptor's path is relative to.
    verdict = subprocess.run(  # noqa: S603 - our own binary and file
        [str(envoy_binary()), "--mode", "validate", "-c", str(path), "--log-level", "warn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if verdict.returncode != 0:
        raise click.ClickException(f"Envoy refuses {name}:\n{verdict.stderr}")
    click.echo(f"Envoy accepts {name}")


@main.command("build-limits-page")
def build_limits_page() -> None:
    """Write the reference page of the rate limits."""
    _write(_limits_page())


@main.command("check-limits-page")
def check_limits_page() -> None:
    """Fail when the reference page of the rate limits is stale."""
    _require_current(_limits_page())


if __name__ == "__main__":
    main()
