"""What make, CI and the page of checks say of one another."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
CI = (ROOT / ".ci" / "run").read_text()
PAGE = (ROOT / "docs" / "reference" / "checks.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
CI_LINES = re.findall(r"^(?:step(?: --jobs \d)?|beside) (.+)$", CI, re.MULTILINE)
IN_CI = {word for line in CI_LINES for word in line.replace('"', "").split()}


def make(*words: str) -> str:
    done = subprocess.run(
        ["/usr/bin/env", "make", "--no-print-directory", *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def nightly() -> set[str]:
    (named,) = re.findall(r"^NIGHTLY := (.+)$", MAKEFILE, re.MULTILINE)
    return set(named.split())


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def listed(title: str) -> set[str]:
    """Name the targets that this section of the page has a row for."""
    return set(re.findall(r"^\| `make ([a-z-]+)` \|", section(title), re.MULTILINE))


def test_help_has_every_target_in_a_group() -> None:
    groups = make("help").strip().split("\n\n")
    assert all(re.match(r"[A-Z].*\n  make ", group) for group in groups)
    shown = [re.findall(r"^  make ([a-z-]+) +\S", group, re.MULTILINE) for group in groups]
    assert sorted(name for group in shown for name in group) == sorted(TARGETS)


def test_every_target_is_phony() -> None:
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert declared is not None
    assert set(declared[1].replace("\\\n", " ").split()) == TARGETS


def test_ci_calls_targets_that_there_are(nightly: set[str]) -> None:
    assert IN_CI <= TARGETS
    assert nightly <= TARGETS
    assert not IN_CI & nightly


def test_every_check_and_test_runs_in_ci_at_night_or_by_hand(nightly: set[str]) -> None:
    kinds = re.compile(r"lint|check-|tf-check|test|chaos|oracle|fuzz")
    checks = {name for name in TARGETS if kinds.match(name)}
    assert checks <= IN_CI | nightly | listed("By hand")


def test_the_page_says_what_runs_where(nightly: set[str]) -> None:
    assert listed("In CI") == IN_CI - {"left-to-nightly"}
    assert listed("At night") == nightly


def test_ci_ends_with_what_it_leaves_out(nightly: set[str]) -> None:
    assert CI.splitlines()[-1] == "step left-to-nightly"
    said = make("left-to-nightly")
    assert "`make nightly`" in said
    assert all(name in said for name in nightly)


def test_the_page_has_what_ci_requires() -> None:
    required = set(re.findall(r"(REQUIRE_\w+)=1", CI))
    assert set(re.findall(r"^\| `(REQUIRE_\w+)` \|", PAGE, re.MULTILINE)) == required
