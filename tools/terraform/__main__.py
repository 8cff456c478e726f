"""Check `infra/terraform/`, or format it.

python -m tools.terraform check [--real-providers]
python -m tools.terraform fmt
"""

import os
import sys
from pathlib import Path

import click

from tools.terraform.bindings import BindingsError
from tools.terraform.check import MissingError, locate
from tools.terraform.check import check as check_all
from tools.terraform.program import find
from tools.terraform.scan import ScanError
from tools.terraform.sources import SourceError

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "infra" / "terraform"
ENVIRONMENT = ROOT / ".venv" / "infra"
"""Apart from the developer's: Checkov brings another parser of the same import name."""


@click.group()
def main() -> None:
    """Check `infra/terraform/`, or format it."""


@main.command()
@click.option("--real-providers", is_flag=True, help="Fetch the providers; needs their registry.")
@click.option("--root", default=CODE, type=click.Path(path_type=Path, exists=True), hidden=True)
def check(*, real_providers: bool, root: Path) -> None:
    """Fail when anything is wrong; say what could not be checked."""
    try:
        wrong = check_all(
            root,
            locate(ENVIRONMENT),
            click.echo,
            real=real_providers,
            must_run=bool(os.environ.get("REQUIRE_TERRAFORM")),
        )
    except (BindingsError, MissingError, ScanError, SourceError) as error:
        raise click.ClickException(str(error)) from error
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        raise click.ClickException(f"{len(wrong)} faults in {root}")


@main.command()
def fmt() -> None:
    """Format every file."""
    terraform = find(ENVIRONMENT / "bin" / "python", {})
    if terraform is None:
        raise click.ClickException("there is no Terraform on this machine")
    done = terraform.run(CODE, "fmt", "-recursive")
    click.echo(done.stdout + done.stderr, nl=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
