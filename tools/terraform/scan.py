"""Runs Checkov, which knows what is commonly left open."""

import json
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["ScanError", "scan"]


OPTIONS = ("--framework", "terraform", "--output", "json", "--compact", "--skip-download")


class ScanError(RuntimeError):
    """Checkov did not give an answer."""


def scan(checkov: Path, folder: Path) -> tuple[list[str], int]:
    """Scan all Terraform in `folder`: (what it finds fault with, how many checks it passed)."""
    done = subprocess.run(  # noqa: S603 - our own tool
        [checkov, "--directory", folder, *OPTIONS],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
        results, summary = report["results"], report["summary"]
    except (ValueError, KeyError, TypeError) as error:
        raise ScanError(f"checkov gave no report: {done.stderr.strip()}") from error
    lines = [f"{path}: checkov cannot parse it" for path in results["parsing_errors"]]
    lines += [
        f"{failed['file_path'].lstrip('/')}: {failed['resource']}: "
        f"{failed['check_id']} {failed['check_name']}"
        for failed in results["failed_checks"]
    ]
    return lines, int(summary["passed"])
