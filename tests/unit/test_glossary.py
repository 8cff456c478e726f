"""The glossary: one name for one thing, and names that the code has."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "glossary.md"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([^`]+)` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text())
CODE = ("services", "gateway", "protos")


@cache
def code() -> str:
    return "\n".join(
        path.read_text()
        for folder in CODE
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".proto"}
    )


def test_each_line_is_whole() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - len(["the head", "the rule"])


def test_a_term_has_one_line_and_a_name_in_code_one_term() -> None:
    terms = [term for term, _, _ in ROWS]
    assert terms == sorted(set(terms), key=str.lower)
    names = [name for _, _, name in ROWS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", [name for _, _, name in ROWS])
def test_what_is_named_is_in_the_code(name: str) -> None:
    if "/" in name:
        assert (ROOT / name).exists()
    else:
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code()), name
