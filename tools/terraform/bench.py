"""A copy of `infra/terraform/` on which Terraform may leave its traces."""

import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.terraform.examples import Example
from tools.terraform.program import Terraform

__all__ = ["Bench"]

_OVERRIDES = re.compile(
    r"\s*Warning: Provider development overrides.*?(?=\nError: |\nFailure! |\Z)", re.DOTALL
)
JOBS = 2
"""Terraform and its stand-ins use a core each."""
# An example is planned with nothing but made-up answers from the cloud; a plan evaluates every
# expression, condition and validation.
EXAMPLE_PROVIDERS = """
terraform {
  required_providers {
    google     = { source = "hashicorp/google" }
    kubernetes = { source = "hashicorp/kubernetes" }
  }
}
"""
EXAMPLE_TEST = """
mock_provider "google" {
  source = "./mocks"
}

mock_provider "kubernetes" {}

run "plan" {
  command = plan
}
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """Folders to run Terraform in; `real` has it fetch providers, which stand-ins need not be."""

    root: Path
    terraform: Terraform
    real: bool = False

    @classmethod
    def lay_out(
        cls,
        source: Path,
        examples: Sequence[Example],
        into: Path,
        terraform: Terraform,
        *,
        real: bool = False,
    ) -> "Bench":
        """Copy `source`, and put each example beside the modules that it names."""
        root = into / "terraform"
        shutil.copytree(source, root, ignore=shutil.ignore_patterns(".terraform*"))
        for each in examples:
            folder = root / "examples" / each.name
            folder.mkdir(parents=True)
            (folder / "main.tf").write_text(each.code)
            # Tests put mocks only in place of providers that the root itself names.
            (folder / "versions.tf").write_text(EXAMPLE_PROVIDERS.lstrip())
            (folder / "modules").symlink_to(root / "modules")
            (folder / "mocks").symlink_to(root / "mocks")
            tests = folder / "tests"
            tests.mkdir()
            (tests / "example.tftest.hcl").write_text(EXAMPLE_TEST.lstrip())
        return cls(root, terraform, real)

    def format_faults(self) -> list[str]:
        """Name the files that `terraform fmt` would change."""
        done = self.terraform.run(self.root, "fmt", "-check", "-recursive", "-no-color")
        if done.returncode == 0:
            return []
        listed = [f"{line}: not as `terraform fmt` has it" for line in done.stdout.split()]
        return listed or [done.stderr.strip()]

    def faults(self) -> Iterator[str]:
        """Validate and test every folder of code; what Terraform says of those that fail."""
        with ThreadPoolExecutor(JOBS) as pool:
            for found in pool.map(self._try, self.folders()):
                if found is not None:
                    yield found

    def folders(self) -> list[Path]:
        """Every folder that has code of its own, examples too."""
        found = {path.parent for path in self.root.rglob("*.tf")}
        return sorted(each for each in found if not _reached_by_link(self.root, each))

    def _try(self, folder: Path) -> str | None:
        first = ("init", "-backend=false") if self.real else ("get",)
        steps: list[tuple[str, ...]] = [first, ("validate",)]
        if list((folder / "tests").glob("*.tftest.hcl")):
            steps.append(("test",))
        for step in steps:
            done = self.terraform.run(folder, *step, "-no-color")
            if done.returncode != 0:
                said = _without_warnings(f"{done.stdout}\n{done.stderr}".strip())
                return f"{folder.relative_to(self.root)}: terraform {step[0]} failed\n{said}"
        return None


def _reached_by_link(root: Path, path: Path) -> bool:
    return path.resolve() != path and path.resolve().is_relative_to(root)


def _without_warnings(said: str) -> str:
    """Leave out that developers' overrides are in effect: they are meant to be."""
    return _OVERRIDES.sub("", said)
