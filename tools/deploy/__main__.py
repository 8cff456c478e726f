"""Make what is in `deploy/`, names for Terraform and tables of pages from the code; check them.

python -m tools.deploy build
python -m tools.deploy site FOLDER     # the edge of an overlay, from its site.yaml
python -m tools.deploy edge            # an edge without sidecars behind it, to standard output
python -m tools.deploy check
"""

from collections.abc import Mapping
from pathlib import Path

import click

from gateway.envoy import to_yaml
from tools.deploy import compose, kubernetes, layout, pages, terraform
from tools.deploy.layout import DEPLOY, ROOT
from tools.deploy.site import Site, SiteError
from tools.deploy.validation import (
    check_compose,
    check_envoy,
    check_image,
    check_overlays,
    check_with_docker,
)

__all__ = ["main", "stale"]

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
PROD = kubernetes.KUBERNETES / "overlays" / "prod"
NOT_RUN = "not checked: that images build and start, and what a cluster says (both want an engine)"


def _files() -> Mapping[Path, str]:
    return {**kubernetes.files(), **compose.files(), **terraform.files(), **pages.files()}


def stale(files: Mapping[Path, str]) -> list[str]:
    """Return a line for each file that is not what it would be made to."""
    return [
        f"{path.relative_to(ROOT)} is stale: run `make generate`"
        for path, text in files.items()
        if not path.exists() or path.read_text() != text
    ]


@click.group()
def main() -> None:
    """Make what is in `deploy/` from the code, and check it."""


@main.command()
def build() -> None:
    """Write every generated file."""
    for path, text in _files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@main.command()
@click.argument("overlay", type=FOLDER)
def site(overlay: Path) -> None:
    """Write the edge's configuration into OVERLAY, as its `site.yaml` wants it."""
    try:
        files = kubernetes.site_files(overlay)
    except SiteError as error:
        raise click.ClickException(str(error)) from error
    for path, text in files.items():
        path.write_text(text)
        click.echo(path)


@main.command()
@click.option("--site", "overlay", type=FOLDER, help="Folder with a site.yaml.")
@click.option("--domain", default="", help="What follows services' names: .NAMESPACE.svc.…")
def edge(overlay: Path | None, domain: str) -> None:
    """Print the edge's configuration for services that run without sidecars."""
    try:
        wanted = Site() if overlay is None else Site.read(overlay)
    except SiteError as error:
        raise click.ClickException(str(error)) from error
    click.echo(to_yaml(layout.edge_config(wanted, layout.without_sidecars(domain))), nl=False)


@main.command()
def check() -> None:
    """Fail when a file is stale, or wrong."""
    try:
        of_production = Site.read(PROD)
    except SiteError as error:
        raise click.ClickException(str(error)) from error
    checks = {
        "generated files": stale(_files()),
        "the image": check_image(DEPLOY / "images" / "Dockerfile"),
        "the compose file": [
            *check_compose(compose.COMPOSE_FILE.read_text()),
            *check_with_docker(compose.COMPOSE_FILE),
        ],
        "the edge's configuration": check_envoy(of_production),
        "the manifests": check_overlays(),
    }
    lines = [f"{what}: {line}" for what, found in checks.items() for line in found]
    for line in lines:
        click.echo(line)
    if lines:
        raise click.ClickException(f"{len(lines)} faults in deploy/")
    click.echo(NOT_RUN, err=True)
    click.echo("deploy/ is current and in order")


if __name__ == "__main__":
    main()
