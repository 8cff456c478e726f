"""The pages on security name tests: all of them are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/reference/security.md", "docs/explanation/threat-model.md")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:tests|services|gateway|docs)/[\w./-]+)`", text))
    links = set(re.findall(r"\]\(([^)#]+)", text))
    assert named | links
    missing = {each for each in named if not (ROOT / each).exists()}
    missing |= {each for each in links if not (ROOT / page).parent.joinpath(each).exists()}
    assert missing == set()


def test_every_attack_is_tried_by_a_test() -> None:
    lines = (ROOT / PAGES[0]).read_text().splitlines()
    rows = [line for line in lines if line.startswith("|") and not line.startswith("| ---")]
    attacks = [row for row in rows if not row.startswith("| attack |")]
    assert len(attacks) > 50
    assert [row for row in attacks if not re.search(r"`tests/[\w./]+` *(, `tests/|\|$)", row)] == []
