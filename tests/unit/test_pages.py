"""What all pages have to keep: whole tables, links and paths that lead somewhere, a way to them."""

import re
from pathlib import Path

import pytest

from services.platform.composition.bus import RETRY

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
STARTS = (ROOT / "README.md", ROOT / "docs" / "README.md")
OURS = "services|gateway|protos|gen|tests|tools|infra|deploy|envoy|docs"
# A path that stands for one place, without a placeholder.
PATH = re.compile(rf"`((?:{OURS})/[\w./-]*)`")
RULE = re.compile(r"\|( ?:?-+:? ?\|)+")
FEWEST_WORDS = 5
# Of a decision.
HEAD = r"# {number}\. .+\n\n- Status: accepted\b.*(?:\n  .*)*\n- Date: 20\d\d(?:-\d\d){{2}}\n\n"
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_table_has_its_head(page: Path) -> None:
    lines = [*page.read_text().splitlines(), ""]
    for before, line, after in zip(["", *lines], lines, lines[1:], strict=False):
        if line.startswith("|") and not before.startswith("|"):
            assert RULE.fullmatch(after), f"a row apart from its table: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    # What a tutorial's reader is to write.
    named = set(PATH.findall(text)) - set(re.findall(r"Write `([^`]+)`:", text))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    found, waiting = set(STARTS), list(STARTS)
    while waiting:
        page = waiting.pop()
        targets = {(page.parent / path).resolve() for path, _ in LINK.findall(page.read_text())}
        new = {each for each in targets if each.suffix == ".md"} - found
        found |= new
        waiting += new
    assert [page for page in PAGES if page not in found] == []


def test_the_index_says_in_one_sentence_what_each_page_is_about() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    said = re.findall(r"^- \[[^\]]+\]\((?!adr/)\S+\.md\): (.*)$", index, re.MULTILINE)
    assert said
    assert [each for each in said if ". " in each or each.endswith(":")] == []
    assert [each for each in said if len(each.split()) < FEWEST_WORDS] == []


def test_decisions_are_numbered_as_their_files_are() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        number = int(page.name[:4])
        assert re.match(HEAD.format(number=number), page.read_text()), page.name


def test_pages_give_up_messages_when_the_code_does() -> None:
    page = (ROOT / "docs" / "how-to" / "operate-the-fan-out.md").read_text()
    assert f"fails {RETRY.max_attempts} times" in page
