"""What pages for readers say of services: the parts between markers, made of the specs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.platform.specs import all_specs
from tools.deploy.layout import ROOT

__all__ = ["README", "SETTINGS_PAGE", "MarkersError", "addresses", "files", "services"]

README: Final = ROOT / "README.md"
SETTINGS_PAGE: Final = ROOT / "docs" / "reference" / "settings.md"


class MarkersError(ValueError):
    """A page lacks the two lines between which a part of it is made."""


def files() -> Mapping[Path, str]:
    """Return the text of each page with its made part. Raises `MarkersError`."""
    return {
        README: _with_part(README, "services", services()),
        SETTINGS_PAGE: _with_part(SETTINGS_PAGE, "addresses", addresses()),
    }


def services() -> str:
    """Write the table of services."""
    rows = [f"| `{spec.name}` | {spec.summary} |" for spec in all_specs().values()]
    return "\n".join(["| service | what it does |", "| --- | --- |", *rows])


def addresses() -> str:
    """Write the table of the variables that say where services are."""
    rows = [
        f"| `{spec.address_variable}` | `{spec.address}` | all | `host:port`, or `unix:/path`, "
        f"where `{spec.name}` listens and others reach it |"
        for spec in all_specs().values()
    ]
    rows += [
        f"| `{spec.http_address_variable}` | `{spec.http_address}` | {spec.name}, edge | "
        f"`host:port` where `{spec.name}` speaks HTTP to the edge |"
        for spec in all_specs().values()
        if spec.http_port is not None
    ]
    head = ["| variable | default | read by | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def _with_part(page: Path, name: str, part: str) -> str:
    text = page.read_text()
    begin, end = f"<!-- begin {name}: from the services' specs -->", f"<!-- end {name} -->"
    found = re.compile(f"(?<={re.escape(begin)}\n).*(?=\n{re.escape(end)})", re.DOTALL)
    if not found.search(text):
        raise MarkersError(f"{page.name} has no lines {begin} and {end}")
    return found.sub(lambda _: f"\n{part}\n", text)
