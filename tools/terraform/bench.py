"""A copy of `infra/terraform/` on which Terraform may leave its traces."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.terraform.examples import Example
from tools.terraform.program import Terraform

__all__ = ["Bench"]

JOBS = 2
"""Runs of Terraform at a time: each plans on about one core."""
# An example is planned with nothing but made-up answers from the cloud; a plan evaluates every
# expression, condition and validation.
EXAMPLE_PROVIDERS = """
terraform {
  required_providers {
    google      = { source = "hashicorp/google" }
    google-beta = { source = "hashicorp/google-beta" }
    kubernetes  = { source = "hashicorp/kubernetes" }
  }
}
"""
EXAMPLE = "example-"
"""What folders of examples begin with."""
EXAMPLE_TEST = """
mock_provider "google" {
  source = "./mocks"
}

mock_provider "google-beta" {}

mock_provider "kubernetes" {}

run "plan" {
  command = plan
}
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """Folders to run Terraform in; `real` has it fetch the providers that nobody stands in for."""

    root: Path
    terraform: Terraform
    real: bool = False

    @classmethod
    def lay_out(  # noqa: PLR0913 - all of it is what a run needs, and the last two have defaults
        cls,
        source: Path,
        examples: Sequence[Example],
        into: Path,
        terraform: Terraform,
        *,
        real: bool = False,
        beside: Mapping[str, Path] | None = None,
    ) -> "Bench":
        """Copy `source`, and put each example where it can name modules as its README does.

        `beside` is what modules read elsewhere in the tree: path from the tree's root to folder.
        """
        root = into / "infra"
        code = root / "terraform"
        shutil.copytree(source, code, ignore=shutil.ignore_patterns(".terraform*"))
        for path, theirs in (beside or {}).items():
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).symlink_to(theirs)
        for each in examples:
            # As deep as the code itself: Terraform follows `..` by the name of a link.
            folder = root / f"{EXAMPLE}{each.name}"
            folder.mkdir()
            (folder / "main.tf").write_text(each.code)
            # Tests put mocks only in place of providers that the root itself names.
            (folder / "versions.tf").write_text(EXAMPLE_PROVIDERS.lstrip())
            (folder / "modules").symlink_to(code / "modules")
            (folder / "mocks").symlink_to(code / "mocks")
            tests = folder / "tests"
            tests.mkdir()
            (tests / "example.tftest.hcl").write_text(EXAMPLE_TEST.lstrip())
        return cls(root, terraform, real)

    def format_faults(self) -> list[str]:
        """Name the files that `terraform fmt` would change."""
        code = self.root / "terraform"
        done = self.terraform.run(code, "fmt", "-check", "-recursive", "-no-color")
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
        # A test validates the code before it plans it.
        has_tests = any((folder / "tests").glob("*.tftest.hcl"))
        steps: list[tuple[str, ...]] = [first, ("test" if has_tests else "validate",)]
        for step in steps:
            done = self.terraform.run(folder, *step, "-no-color")
            if done.returncode != 0:
                said = f"{done.stdout}\n{done.stderr}".strip()
                return f"{folder.relative_to(self.root)}: terraform {step[0]} failed\n{said}"
        return None


def _reached_by_link(root: Path, path: Path) -> bool:
    return path.resolve() != path and path.resolve().is_relative_to(root)
