"""The ways on the page: files that are there, few, each leading to the next, no package twice."""

import ast
import re
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "ways-of-a-request.md"
SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\d+\. `([\w/]+\.py)`", re.MULTILINE)
MOST_FILES = 7
PLATFORM_DEPTH = 3
"""Of `services/platform/rows`; what is within belongs to that package."""


def ways() -> dict[str, list[str]]:
    found = {title: STEP.findall(text) for title, text in SECTION.findall(PAGE.read_text())}
    return {title: files for title, files in found.items() if files}


@cache
def imported(path: str) -> frozenset[str]:
    """Files of ours that a file imports, from anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            modules |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
    files = {f"{module.replace('.', '/')}.py" for module in modules}
    return frozenset(file for file in files if (ROOT / file).exists())


def is_composition(path: str) -> bool:
    return path.endswith(("/app.py", "/writes.py")) or path.startswith(
        "services/platform/composition/"
    )


def composed(root: str) -> frozenset[str]:
    """All that a composition root puts together, with the roots that it imports."""
    found, waiting = set(), [root]
    while waiting:
        for each in imported(waiting.pop()):
            if each not in found and is_composition(each):
                waiting.append(each)
            found.add(each)
    return frozenset(found)


def package(path: str) -> str:
    parts = path.split("/")
    depth = PLATFORM_DEPTH if parts[1] == "platform" else 2
    return "/".join(parts[:depth])


def test_the_page_has_the_ways() -> None:
    titles = " ".join(ways()).lower()
    assert all(each in titles for each in ("tweet's text", "home read", "a follow", "fan-out page"))


@pytest.mark.parametrize("title", ways())
def test_a_way_is_short_and_enters_no_package_twice(title: str) -> None:
    files = ways()[title]
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert len(files) <= MOST_FILES
    entered = [name for name, _ in groupby(files, key=package)]
    assert len(entered) == len(set(entered)), entered


@pytest.mark.parametrize("title", ways())
def test_each_file_of_a_way_leads_to_the_next(title: str) -> None:
    files = ways()[title]
    roots = [str(path.relative_to(ROOT)) for path in (ROOT / "services").glob("*/app.py")]
    for before, after in pairwise(files):
        called = any(after in imported(file) for file in files[: files.index(before) + 1])
        together = any({before, after} <= composed(root) for root in roots)
        assert called or together, f"{before} does not lead to {after}"
