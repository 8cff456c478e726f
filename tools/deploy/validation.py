"""Checks of what is in `deploy/`, each with a tool that judges such files for a living.

A tool that is not on this machine is named on standard error, and its check is left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from compose_spec import PyCompose

from gateway.envoy import GENERATED, to_short_yaml
from gateway.envoy.stats import ADMIN_CLUSTER
from gateway.envoy_binary import envoy_binary
from services.local.certificates import make_certificates
from tools.deploy import layout, rules
from tools.deploy.environments import in_compose
from tools.deploy.facts import all_services
from tools.deploy.kubernetes import ENVOY_FILE, SIDECARS, site_files
from tools.deploy.layout import DEPLOY, ROOT, Document
from tools.deploy.site import SITE_FILE, Site

__all__ = [
    "REQUIRED",
    "check_compose",
    "check_envoy",
    "check_image",
    "check_overlay",
    "check_overlays",
    "check_with_docker",
    "kustomize",
    "manifests_in",
]

OVERLAYS: Final = ("overlays/dev", "overlays/prod")
REQUIRED: Final = "REQUIRE_KUSTOMIZE"
"""Set to 1, a machine without Kustomize fails the check; without it, the check says so."""


def check_image(dockerfile: Path) -> list[str]:
    """Check a Dockerfile with hadolint."""
    hadolint = Path(sys.executable).parent / "hadolint"
    verdict = _run([str(hadolint), "--no-color", str(dockerfile)])
    return verdict.stdout.splitlines() if verdict.returncode else []


def kustomize() -> list[str] | None:
    """Return the command that builds a folder, None where there is none on this machine."""
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            return command
    return None


def check_overlay(folder: Path, command: Sequence[str]) -> list[str]:
    """Have Kustomize build it, and judge what comes out."""
    built = _run([*command, str(folder)])
    if built.returncode != 0:
        return [f"Kustomize: {built.stderr.strip()}"]
    loaded = yaml.load_all(built.stdout, yaml.CSafeLoader)
    return rules.faults([each for each in loaded if each])


def manifests_in(folder: Path) -> Path:
    """Copy the manifests, and make what is left to each site; return their folder.

    A site's own edge is not committed, so no overlay that wants one builds in the source tree.
    """
    copy = folder / DEPLOY.relative_to(ROOT) / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", copy, ignore=shutil.ignore_patterns(ENVOY_FILE))
    shutil.copytree(SIDECARS, folder / SIDECARS.relative_to(ROOT))
    shutil.copy(DEPLOY / "kubernetes" / "base" / ENVOY_FILE, copy / "base")
    for site in copy.glob(f"overlays/*/{SITE_FILE}"):
        for path, text in site_files(site.parent).items():
            path.write_text(text)
    return copy


def check_with_docker(file: Path) -> list[str]:
    """Have Docker Compose itself parse the file."""
    if not shutil.which("docker") or _run(["docker", "compose", "version"]).returncode:
        sys.stderr.write("not checked: `docker compose config`, which this machine has not\n")
        return []
    verdict = _run(["docker", "compose", "-f", str(file), "config", "--quiet"])
    return verdict.stderr.splitlines() if verdict.returncode else []


def check_compose(text: str) -> list[str]:
    """Have the Compose specification judge it, and the settings read what services are given."""
    composed = _interpolated(yaml.safe_load(text))
    try:
        PyCompose.from_yaml(yaml.safe_dump(composed)).to_spec()
    except Exception as error:  # noqa: BLE001 - the parser's errors have no class of their own
        return [f"not by the specification: {error}"]
    lines = list(_compose_references(composed))
    for service in all_services():
        if service.name not in composed["services"]:
            lines.append(f"{service.name} is missing")
            continue
        environment = composed["services"][service.name]["environment"]
        lines += [f"{service.name}: {each}" for each in in_compose(service, environment)]
    return lines


def _interpolated(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Fill in what a compose file says for variables that are not set."""
    if isinstance(value, dict):
        return {name: _interpolated(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each) for each in value]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) if isinstance(value, str) else value


def _compose_references(composed: Document) -> list[str]:
    lines = []
    services: Mapping[str, Any] = composed["services"]
    for name, service in services.items():
        lines += [
            f"{name} waits for {other}, which is not there"
            for other in service.get("depends_on", [])
            if other not in services
        ]
        waits = service.get("depends_on", {})
        lines += [
            f"{name} waits for the health of {other}, which has no check"
            for other, how in (waits.items() if isinstance(waits, dict) else ())
            if how["condition"] == "service_healthy"
            and "healthcheck" not in services.get(other, {})
        ]
        lines += [
            f"{name} publishes {port} to the network"
            for port in service.get("ports", [])
            if not port.startswith("127.0.0.1:")
        ]
    return lines


def check_envoy(site: Site) -> list[str]:
    """Have Envoy read a site's edge, with the files that the image would give it."""
    with tempfile.TemporaryDirectory() as folder:
        certificates, _ = make_certificates(Path(folder))
        text = to_short_yaml(layout.edge_config(site, layout.through_sidecars(), str(certificates)))
        config = Path(folder) / "envoy.yaml"
        config.write_text(text.replace(layout.GENERATED, str(GENERATED)))
        arguments = ["--mode", "validate", "-c", str(config), "--log-level", "warn"]
        verdict = _run([str(envoy_binary()), *arguments])
    if verdict.returncode != 0:
        return verdict.stderr.splitlines()
    clusters = yaml.safe_load(text)["static_resources"]["clusters"]
    # One that is made of others has no addresses.
    return [
        f"{each['name']} is sought in the edge's own container"
        for each in clusters
        if each["name"] != ADMIN_CLUSTER and "127.0.0.1" in json.dumps(each.get("load_assignment"))
    ]


def check_overlays() -> list[str]:
    """Check each overlay; without Kustomize, say that none was checked."""
    command = kustomize()
    if command is None:
        left_out = "not checked: the overlays, as neither kustomize nor kubectl is on this machine"
        if os.environ.get(REQUIRED) == "1":
            return [left_out]
        sys.stderr.write(f"{left_out}\n")
        return []
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = manifests_in(Path(temporary))
        for name in OVERLAYS:
            lines += [f"{name}: {each}" for each in check_overlay(folder / name, command)]
    return lines


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - tools of this environment, on our own files
        command, capture_output=True, text=True, check=False
    )
