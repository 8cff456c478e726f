"""The diagrams of the pages: drawn by Mermaid itself, and held to what they show."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import mermaidx
import pytest

from services.platform.specs import all_specs
from tools import docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARROW = re.compile(r"^    (\w+) (?:-- \"\w+\" )?--> (\w+)", re.MULTILINE)
GROUP = re.compile(r"subgraph (\w+).*?\n(.*?)\n\s*end", re.DOTALL)
NODE = re.compile(r"^\s*(\w+)\[", re.MULTILINE)
WINGS = ("cli", "local", "platform")


def diagrams() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, diagram in enumerate(DIAGRAM.findall(page.read_text()), 1):
            yield f"{page.name} {number}", diagram


def drawn(start: str) -> set[tuple[str, str]]:
    """Arrows of the architecture's diagram that has this node; a group's are its members'."""
    (diagram,) = [each for _, each in diagrams() if f"    {start}[" in each]
    groups = {name: NODE.findall(body) for name, body in GROUP.findall(diagram)}
    return {
        (one, other)
        for left, right in ARROW.findall(diagram)
        for one in groups.get(left, [left])
        for other in groups.get(right, [right])
    }


@cache
def imports() -> frozenset[tuple[str, str]]:
    graph = grimp.build_graph("services", "gateway")
    return frozenset(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )


@pytest.mark.parametrize("name", [name for name, _ in diagrams()])
def test_each_diagram_is_drawn(name: str) -> None:
    assert mermaidx.render(dict(diagrams())[name]).svg().startswith("<svg")


def test_what_is_no_diagram_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="Parse error"):
        mermaidx.render("flowchart LR\n    a -> -> b").svg()


def test_parts_that_follow_from_the_specs_are_current() -> None:
    assert docs.stale() == [], "run `make generate`"


def test_processes_and_calls_are_those_of_the_specs() -> None:
    text = docs.processes()
    arrows = set(re.findall(r"p_(\w+) --> p_(\w+)", text))
    services = {contract: name for name, spec in all_specs().items() for contract in spec.contracts}
    assert arrows == {
        (name, services[call.partition("/")[0]])
        for name, spec in all_specs().items()
        for call in spec.calls
    }
    assert ("timeline", "graph") in arrows


def test_wings_import_one_another_as_drawn() -> None:
    def wing(module: str) -> str:
        top, _, rest = module.partition(".")
        inner = rest.partition(".")[0]
        if top == "gateway" or inner in {"", "__main__"}:
            return top if top == "gateway" else ""
        return inner if inner in WINGS else "services"

    pairs = {(wing(one), wing(other)) for one, other in imports()}
    assert {(one, other) for one, other in pairs if one and one != other} == drawn("cli")


def test_layers_of_a_service_import_one_another_as_drawn() -> None:
    arrows = drawn("app")
    known = {each for arrow in arrows for each in arrow}
    pairs = set()
    for one, other in imports():
        (_, service, *inner), (_, sibling, *within) = one.split("."), other.split(".")
        if service == sibling and service not in WINGS and len(inner) == len(within) == 1:
            pairs.add((inner[0], within[0]))
    found = {(one, other) for one, other in pairs if {one, other} <= known}
    assert found <= arrows
    assert ("servicer", "service") in found
