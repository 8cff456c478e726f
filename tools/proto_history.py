"""What the code was before the change: `buf breaking` compares contracts with it, a test runs it.

The change is every commit since the one that the newest merge made, and what is not committed yet.
Where the newest commit is a merge itself and nothing is uncommitted, the change is that merge.
Without merges it is what is uncommitted or, when there is nothing, the newest commit.
"""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Final

__all__ = ["AGAINST", "HistoryError", "commit_before", "unpack"]

AGAINST: Final = "AVIARY_BREAKING_AGAINST"
"""Environment variable with the branch or commit that the change started from."""
_HOW_TO_GO_ON: Final = (
    f"`git fetch --unshallow` gets the rest, or {AGAINST} names a commit to compare with"
)


class HistoryError(RuntimeError):
    """The commit before the change cannot be found; the text says what to do."""


def commit_before(root: Path, against: str | None) -> str | None:
    """Return the commit before the change; None where there is none, as in a new repository.

    `against` is a branch or a commit: the change is what came since the two parted. One that has
    the newest commit already says nothing of the change, and is passed over. Raises `HistoryError`
    when it is unknown, and when a shallow clone ends before the answer.
    """
    if not (root / ".git").exists() or not _ask(root, "rev-list", "--max-count=1", "--all"):
        return None
    head = _ask(root, "rev-parse", "HEAD")
    if against and (base := _parted_at(root, against)) != head:
        return base
    clean = not _ask(root, "status", "--porcelain", "--", "protos")
    first_parents = _ask(root, "rev-list", "--first-parent", "--parents", "HEAD").splitlines()
    # A line is a commit and then its parents.
    for commit, *parents in map(str.split, first_parents):
        if len(parents) > 1:
            return parents[0] if commit == head and clean else commit
    # A shallow clone shows its oldest commits without parents, and so as no merges.
    if _ask(root, "rev-parse", "--is-shallow-repository") == "true":
        raise HistoryError(f"this clone ends before the newest merge: {_HOW_TO_GO_ON}")
    if not clean:
        return head
    _, *parents = first_parents[0].split()
    return parents[0] if parents else None


def unpack(root: Path, commit: str, into: Path, folder: str = "protos") -> Path:
    """Write a folder of a commit (`.` is all of it) into another; return where it is."""
    archive = _git(root, "archive", commit, folder)
    if archive.returncode != 0:
        raise HistoryError(f"git has no {folder} of {commit}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(into, filter="data")
    return into / folder


def _parted_at(root: Path, against: str) -> str:
    found = _git(root, "merge-base", against, "HEAD")
    if found.returncode != 0:
        why = found.stderr.decode().strip() or "it has no commit in common with HEAD"
        raise HistoryError(f"{AGAINST}={against}: {why}; in a shallow clone, {_HOW_TO_GO_ON}")
    return found.stdout.decode().strip()


def _ask(root: Path, *words: str) -> str:
    answer = _git(root, *words)
    if answer.returncode != 0:
        raise HistoryError(f"git {' '.join(words)}: {answer.stderr.decode().strip()}")
    return answer.stdout.decode().strip()


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own arguments
        ["git", *words],  # noqa: S607 - whichever git the developer uses
        cwd=root,
        capture_output=True,
        check=False,
    )
