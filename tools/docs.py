"""Write the parts of pages that follow from something else, and check that they are current.

They follow from what services and contracts declare, or, in the index, from the pages.

python -m tools.docs build
python -m tools.docs check

A part stands between `<!-- begin NAME: … -->` and `<!-- end NAME -->`; the rest of a page is
written by hand.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from gateway.envoy import own_contracts
from services.platform.specs import ServiceSpec, all_specs
from tools import error_reasons

__all__ = ["PARTS", "build", "stale"]

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
INDEX = "docs/README.md"
SETTINGS = "docs/reference/settings.md"
ERRORS = "docs/reference/errors.md"
ARCHITECTURE = "docs/explanation/architecture.md"
KINDS = ("tutorial", "how-to", "reference", "explanation")


def processes() -> str:
    """Draw who calls whom: the edge, operators and services, by what the call table allows."""
    specs = all_specs()
    public = {_owner(rpc.service) for rpc in own_contracts().public}
    return _diagram(
        "flowchart TB",
        [
            'outside(["browsers, apps, robots"]) -- "REST, gRPC" --> edge[["edge (Envoy)"]]',
            'operators(["operators, by the command aviary"])',
            *(f'{_box(name)}["{name}"]' for name in specs),
            *(f"edge --> {_box(name)}" for name in specs if name in public),
            *(f'edge -- "HTTP" --> {_box(name)}' for name, spec in specs.items() if spec.http_port),
            *(f"operators --> {_box(name)}" for name, spec in specs.items() if _operated(spec)),
            *(
                f"{_box(name)} --> {_box(callee)}"
                for name, spec in specs.items()
                for callee in sorted({_owner(call) for call in spec.calls})
            ),
        ],
    )


def messages() -> str:
    """Draw who publishes to which topic, and which subscriptions of whom take from it."""
    specs = all_specs()
    lines = [
        f'{_box(name)}["{name}"] --> {_box(topic)}(["{topic}"])'
        for name, spec in specs.items()
        for topic in spec.topics
    ]
    for name, spec in specs.items():
        by_topic: dict[str, list[str]] = {}
        for each in spec.subscriptions:
            by_topic.setdefault(each.topic, []).append(each.name)
        # The same process once more, on the right: arrows back would hide the way of a message.
        lines += [
            f'{_box(topic)} -- "{", ".join(names)}" --> {_box(name)}_takes["{name}"]'
            for topic, names in by_topic.items()
        ]
    return _diagram("flowchart LR", lines)


def stores() -> str:
    """List which process opens which store."""
    head = (
        "| process | its own tables | opens the tables of | bus | cache |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    rows = (
        f"| `{name}` | {_code(table.name for table in spec.tables)} | {_code(spec.opens_rows_of)} "
        f"| {_yes(spec.uses_bus)} | {_yes(spec.uses_cache)} |\n"
        for name, spec in all_specs().items()
    )
    return head + "".join(rows)


def services() -> str:
    """List the services for the README."""
    head = "| service | what it does |\n| --- | --- |\n"
    return head + "".join(f"| `{name}` | {spec.summary} |\n" for name, spec in all_specs().items())


def addresses() -> str:
    """List the variables that say where services are, for the page of settings."""
    specs = all_specs().values()
    rows = [
        f"| `{spec.address_variable}` | `{spec.address}` | all | `host:port`, or `unix:/path`, "
        f"where `{spec.name}` listens and others reach it |\n"
        for spec in specs
    ]
    rows += [
        f"| `{spec.http_address_variable}` | `{spec.http_address}` | {spec.name}, edge | "
        f"`host:port` where `{spec.name}` speaks HTTP to the edge |\n"
        for spec in specs
        if spec.http_port is not None
    ]
    return "".join(
        ["| variable | default | read by | meaning |\n| --- | --- | --- | --- |\n", *rows]
    )


def pages_of(kind: str) -> str:
    """List the pages of a kind, each with its first sentence."""
    return "".join(
        f"- [{_title(page)}]({page.relative_to(DOCS)}): {_first_sentence(page)}\n"
        for page in sorted((DOCS / kind).glob("*.md"), key=_title)
    )


def decisions() -> str:
    """List the ADRs, a line each."""
    pages = sorted((DOCS / "adr").glob("*.md"))
    return "".join(f"- [{_title(page)}]({page.relative_to(DOCS)})\n" for page in pages)


PARTS: Final[Mapping[tuple[str, str], Callable[[], str]]] = MappingProxyType(
    {
        **{(INDEX, kind): partial(pages_of, kind) for kind in KINDS},
        (INDEX, "adr"): decisions,
        ("README.md", "services"): services,
        (SETTINGS, "addresses"): addresses,
        (ERRORS, "reasons"): error_reasons.table,
        (ARCHITECTURE, "processes"): processes,
        (ARCHITECTURE, "messages"): messages,
        (ARCHITECTURE, "stores"): stores,
    }
)
"""Page and name to what stands there."""


def _title(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


def _first_sentence(page: Path) -> str:
    paragraphs = page.read_text().split("\n\n")[1:]
    prose = next(each for each in paragraphs if each[0].isalnum() or each[0] == "`")
    sentence = re.split(r"(?<=[\w`)])[.:](?:\s|$)", prose, maxsplit=1)[0]
    # A link leads from the page, not from the index.
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(sentence.split()))


def _diagram(kind: str, lines: list[str]) -> str:
    return "```mermaid\n" + "\n    ".join([kind, *lines]) + "\n```\n"


def _box(name: str) -> str:
    """Name a node: words such as `graph` and `end` mean something to Mermaid."""
    return f"p_{name.replace('-', '_')}"


def _owner(call: str) -> str:
    """Find the process that serves `package.Service/Method`, or the whole `package.Service`."""
    service = call.partition("/")[0]
    return next(name for name, spec in all_specs().items() if service in spec.contracts)


def _operated(spec: ServiceSpec) -> bool:
    return spec.is_operated or bool(spec.operator_calls)


def _code(names: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


def _yes(is_so: bool) -> str:  # noqa: FBT001 - reads as what it says
    return "yes" if is_so else "-"


def _rendered(path: str) -> str:
    text = (ROOT / path).read_text()
    for (page, name), part in PARTS.items():
        if page == path:
            made = re.compile(
                rf"(<!-- begin {name}: [^\n]*-->\n\n).*?(\n<!-- end {name} -->)", re.DOTALL
            )
            found = made.search(text)
            if found is None:
                raise click.ClickException(f"{path} has no place for {name}")
            text = text[: found.end(1)] + part() + text[found.start(2) :]
    return text


def stale() -> list[str]:
    """Return the pages whose parts are not what services declare."""
    pages = sorted({page for page, _ in PARTS})
    return [page for page in pages if _rendered(page) != (ROOT / page).read_text()]


@click.group()
def main() -> None:
    """Write the parts of pages that follow from what services declare."""


@main.command()
def build() -> None:
    """Write the generated parts of all pages."""
    for page in stale():
        (ROOT / page).write_text(_rendered(page))


@main.command()
def check() -> None:
    """Fail when a page is stale."""
    if found := stale():
        raise click.ClickException(f"stale: {', '.join(found)}; run `make generate`")


if __name__ == "__main__":
    main()
