"""`buf breaking` compares with what the contracts were before the change, committed or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.proto_history import AGAINST

ROOT = Path(__file__).resolve().parents[2]
PROTO = Path("protos/aviary/id/v1/id_service.proto")
FIELD = "int32 count = 1"
MOVED = "int32 count = 9"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": "somebody@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def git(tree: Path, *words: str) -> str:
    command = ["/usr/bin/env", "git", *words]
    done = subprocess.run(
        command, cwd=tree, env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(tree: Path, subject: str = "Change something") -> str:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(tree, "rev-parse", "HEAD")


def break_it(tree: Path) -> None:
    text = (tree / PROTO).read_text()
    assert FIELD in text
    (tree / PROTO).write_text(text.replace(FIELD, MOVED))


def merge(tree: Path, branch: str) -> None:
    git(tree, "merge", "--quiet", "--no-ff", "-m", f"Merge branch '{branch}'", branch)


def breaking(tree: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.protos", "breaking"],
        cwd=tree,
        env=ENVIRONMENT | env,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_seen(tree: Path, **env: str) -> None:
    checked = breaking(tree, **env)
    assert checked.returncode == 1, checked.stdout
    assert 'field "1"' in checked.stdout, checked.stderr


def assert_passes(tree: Path, against: str, **env: str) -> None:
    checked = breaking(tree, **env)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert against[:12] in checked.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with one commit on `main`: these protos, and what checks them."""
    for folder in ("protos", "tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / "clone" / folder, ignore=ignored)
    (tmp_path / "clone" / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path / "clone", "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path / "clone")
    return tmp_path / "clone"


def test_break_that_is_not_committed_is_seen(tree: Path) -> None:
    break_it(tree)
    assert_seen(tree)


def test_break_that_is_committed_is_seen(tree: Path) -> None:
    break_it(tree)
    commit(tree)
    assert_seen(tree)


def test_what_breaks_nothing_passes(tree: Path) -> None:
    before = git(tree, "rev-parse", "HEAD")
    proto = (tree / PROTO).read_text()
    (tree / PROTO).write_text(f"{proto}\n// Nobody needs this.\n")
    assert_passes(tree, before)
    commit(tree)
    assert_passes(tree, before)


def test_break_early_in_a_change_of_several_commits_is_seen(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "landed")
    commit(tree)
    git(tree, "checkout", "--quiet", "main")
    merge(tree, "landed")
    break_it(tree)
    commit(tree)
    commit(tree, "Change something else")
    assert_seen(tree)
    # The rest of the change is not committed yet.
    (tree / "protos" / "README").touch()
    assert_seen(tree)


def test_break_that_a_merge_brings_is_seen(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "feature")
    break_it(tree)
    commit(tree)
    commit(tree, "Change something else")
    git(tree, "checkout", "--quiet", "main")
    merge(tree, "feature")
    assert_seen(tree)


def test_break_that_has_landed_is_no_fault_of_what_comes_next(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "feature")
    break_it(tree)
    commit(tree)
    git(tree, "checkout", "--quiet", "main")
    merge(tree, "feature")
    landed = git(tree, "rev-parse", "HEAD")
    (tree / "protos" / "README").touch()
    assert_passes(tree, landed)
    commit(tree)
    assert_passes(tree, landed)


def test_where_a_change_started_can_be_named(tree: Path) -> None:
    started = git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "--quiet", "-b", "feature")
    break_it(tree)
    broken = commit(tree)
    commit(tree, "Change something else")
    # Without merges in between, the newest commit alone is taken for the change.
    assert_passes(tree, broken)
    git(tree, "checkout", "--quiet", "main")
    commit(tree, "Change something on main meanwhile")
    git(tree, "checkout", "--quiet", "feature")
    assert_seen(tree, **{AGAINST: "main"})
    assert_seen(tree, **{AGAINST: started})


def test_a_branch_that_has_the_newest_commit_already_says_nothing(tree: Path) -> None:
    break_it(tree)
    commit(tree)
    assert_seen(tree, **{AGAINST: "main"})


def test_an_unknown_start_is_named(tree: Path) -> None:
    refused = breaking(tree, **{AGAINST: "nowhere"})
    assert refused.returncode == 1
    assert "AVIARY_BREAKING_AGAINST=nowhere: " in refused.stderr


def test_a_shallow_clone_says_what_to_do(tree: Path, tmp_path: Path) -> None:
    break_it(tree)
    commit(tree)
    source = f"file://{tree}"
    git(tmp_path, "clone", "--quiet", "--depth", "1", source, "shallow")
    refused = breaking(tmp_path / "shallow")
    assert refused.returncode == 1
    assert "`git fetch --unshallow`" in refused.stderr
    git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    assert_seen(tmp_path / "shallow")


def test_the_first_commit_has_nothing_before_it(tree: Path) -> None:
    first = breaking(tree)
    assert first.returncode == 0, first.stderr
    assert "the first commit" in first.stdout
