"""Google's emulators of Bigtable and Pub/Sub: where they are, how they start, who finds them."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from services.local.errors import StartError
from services.local.readiness import HOST

__all__ = [
    "SDK_ROOT_VARIABLE",
    "bigtable_argv",
    "environment",
    "pubsub_argv",
    "require_clients",
    "sdk_root",
]

SDK_ROOT_VARIABLE = "AVIARY_CLOUD_SDK_ROOT"
"""Names the folder of the Google Cloud SDK, where no `gcloud` is there to ask."""
GCLOUD_TIMEOUT_S = 30.0
"""`gcloud info` is a Python program that takes about a second; on a busy machine more."""
CLIENTS = ("google.cloud.bigtable", "google.pubsub_v1")
"""The packages of the `gcp` extra that services import on these engines."""
# An emulator takes any project and instance; the names only have to be the same for all.
PROJECT = "aviary-local"
INSTANCE = "local"


def sdk_root() -> Path:
    """Return the folder of the Google Cloud SDK. Raises `StartError` when there is none."""
    if root := os.environ.get(SDK_ROOT_VARIABLE):
        return Path(root)
    try:
        found = subprocess.run(
            ["gcloud", "info", "--format=value(installation.sdk_root)"],  # noqa: S607 - from PATH
            capture_output=True,
            text=True,
            check=True,
            timeout=GCLOUD_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(
            "the emulators are part of the Google Cloud SDK, and gcloud does not answer; install "
            f"it, or set {SDK_ROOT_VARIABLE} to its folder"
        ) from error
    return Path(found.stdout.strip())


def bigtable_argv(sdk: Path, port: int) -> Sequence[str]:
    """Return the command of a Bigtable emulator. Raises `StartError` when it is missing."""
    program = sdk / "platform/bigtable-emulator/cbtemulator"
    _require(program, "Bigtable", "bigtable")
    return [str(program), "-host", HOST, "-port", str(port)]


def pubsub_argv(sdk: Path, port: int) -> Sequence[str]:
    """Return the command of a Pub/Sub emulator. Raises `StartError` when it, or Java, is missing.

    It is a script that ends in `exec java`: the process stays the same, and so Java gets the
    signals meant for the script, that of a parent killed outright among them.
    """
    program = sdk / "platform/pubsub-emulator/bin/cloud-pubsub-emulator"
    _require(program, "Pub/Sub", "pubsub-emulator")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise StartError("the Pub/Sub emulator needs Java: install it, or set JAVA_HOME")
    return [str(program), f"--host={HOST}", f"--port={port}"]


def require_clients() -> None:
    """Raise `StartError` when the services could not import Google's clients."""
    for name in CLIENTS:
        if not _importable(name):
            raise StartError(f"{name} is not installed: pip install 'aviary[gcp]'")


def environment(bigtable_port: int, pubsub_port: int) -> Mapping[str, str]:
    """Return what makes services use the emulators."""
    return {
        "BIGTABLE_EMULATOR_HOST": f"{HOST}:{bigtable_port}",
        "PUBSUB_EMULATOR_HOST": f"{HOST}:{pubsub_port}",
        "AVIARY_STORAGE": "bigtable",
        "AVIARY_BUS": "pubsub",
        "AVIARY_GCP_PROJECT": PROJECT,
        "AVIARY_BIGTABLE_INSTANCE": INSTANCE,
    }


def _require(program: Path, name: str, component: str) -> None:
    if not program.exists():
        raise StartError(
            f"the {name} emulator is not at {program}: gcloud components install {component}"
        )


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a parent package
        return False
