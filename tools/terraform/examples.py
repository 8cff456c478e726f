"""Finds the examples in the modules' READMEs, so that they can be tried."""

import re
from dataclasses import dataclass
from pathlib import Path

from tools.terraform.sources import SourceError

__all__ = ["Example", "examples"]

_FENCED = re.compile(r"^```hcl\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r'source\s*=\s*"\./modules/([\w-]+)"')


@dataclass(frozen=True, slots=True)
class Example:
    """A root module to try, as its README shows it."""

    name: str
    code: str


def examples(modules: Path) -> list[Example]:
    """Read every example. Raises `SourceError` for a module that shows none of itself."""
    found = []
    for module in sorted(path for path in modules.iterdir() if path.is_dir()):
        readme = module / "README.md"
        codes = _FENCED.findall(readme.read_text()) if readme.exists() else []
        if not any(module.name in _SOURCE.findall(code) for code in codes):
            raise SourceError(f"{readme}: no example (```hcl) of module {module.name}")
        found += [Example(f"{module.name}-{n}", code) for n, code in enumerate(codes, 1)]
    return found
