"""Runs Checkov, which knows what is commonly left open."""

import json
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["ScanError", "scan"]

OPTIONS = ("--output", "json", "--compact", "--skip-download")
NOT_IN_MANIFESTS = {
    "CKV_K8S_14": "images are placeholders, and what puts names in asks for digests",
    "CKV_K8S_15": "an image that is named by digest is what it is, wherever it comes from",
    "CKV_K8S_21": "the namespace is an overlay's, or Terraform's",
    "CKV_K8S_35": "services read secrets from variables; those with a file of their own are files",
    "CKV_K8S_43": "as of tags",
}
"""Checks of manifests that are left out, each with its reason."""
MANIFESTS = ("--skip-path", "overlays", "--skip-check", ",".join(NOT_IN_MANIFESTS))
"""An overlay's own are patches, and in development other people's engines."""


class ScanError(RuntimeError):
    """Checkov did not give an answer."""


def scan(checkov: Path, folder: Path, framework: str = "terraform") -> tuple[list[str], int]:
    """Scan Terraform, or `kubernetes` manifests: give faults and how many checks passed."""
    skipped = MANIFESTS if framework == "kubernetes" else ()
    done = subprocess.run(  # noqa: S603 - our own tool
        [checkov, "--directory", folder, "--framework", framework, *OPTIONS, *skipped],
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
