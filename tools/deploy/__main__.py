"""Make what is in `deploy/` from the code, and check it.

python -m tools.deploy build
python -m tools.deploy check
"""

from collections.abc import Mapping
from pathlib import Path

import click

from tools.deploy import compose, kubernetes
from tools.deploy.layout import DEPLOY, ROOT
from tools.deploy.validation import check_compose, check_envoy, check_image, check_overlays

__all__ = ["main", "stale"]


def _files() -> Mapping[Path, str]:
    return {**kubernetes.files(), **compose.files()}


def stale(files: Mapping[Path, str]) -> list[str]:
    """Return a line for each file that is not what it would be made to."""
    return [
        f"{path.relative_to(ROOT)} is stale: run `make generate`"
        for path, text in files.items()
        if not path.exists() or path.read_text() != text
    ]


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""


@main.command()
def build() -> None:
    """Write every generated file."""
    for path, text in _files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@main.command()
def check() -> None:
    """Fail when a file is stale, or wrong."""
    checks = {
        "generated files": stale(_files()),
        "the image": check_image(DEPLOY / "images" / "Dockerfile"),
        "the compose file": check_compose((DEPLOY / "compose" / "compose.yaml").read_text()),
        "the edge's configuration": check_envoy(),
        "the manifests": check_overlays(),
    }
    lines = [f"{what}: {line}" for what, found in checks.items() for line in found]
    for line in lines:
        click.echo(line)
    if lines:
        raise click.ClickException(f"{len(lines)} faults in deploy/")
    click.echo("deploy/ is current and in order")


if __name__ == "__main__":
    main()
