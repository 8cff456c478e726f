"""Write the reasons of errors, as code and for the docs, from the enum in the contracts.

python -m tools.error_reasons build
python -m tools.error_reasons check

It imports nothing of the services: they cannot be imported while a reason that they use is not
written yet.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from google.protobuf.descriptor_pb2 import FileDescriptorSet

__all__ = ["ErrorReason", "module", "reasons", "table"]

ROOT = Path(__file__).resolve().parent.parent
PROTO: Final = "aviary/error/v1/error_reason.proto"
MODULE: Final = ROOT / "services" / "platform" / "error_reasons.py"
NEVER_SENT: Final = "ERROR_REASON_UNSPECIFIED"
# Where source information has the comment of a value: file.enum_type[i].value[j].
ENUM_FIELD, VALUE_FIELD = 5, 2
_COMMENT = re.compile(r"([1-5]\d\d) ([A-Z_]+)\. (.+?) To do: (.+)", re.DOTALL)
LINE_CHARS: Final = 100
INDENT: Final = " " * 4


@dataclass(frozen=True, slots=True)
class ErrorReason:
    """A value of the enum, and what its comment says of it."""

    name: str
    http_status: int
    code: str
    """Name of the `google.rpc.Code`."""
    meaning: str
    to_do: str


def reasons(files: FileDescriptorSet) -> Sequence[ErrorReason]:
    """Return the reasons in order of number; `ClickException` for a comment of another form."""
    (file,) = (each for each in files.file if each.name == PROTO)
    (enum,) = file.enum_type
    comments = {
        tuple(one.path): " ".join(one.leading_comments.split())
        for one in file.source_code_info.location
    }
    return [
        _reason(value.name, comments.get((ENUM_FIELD, 0, VALUE_FIELD, at), ""))
        for at, value in enumerate(enum.value)
        if value.name != NEVER_SENT
    ]


def module(found: Sequence[ErrorReason]) -> str:
    """Render the module that the services take their reasons from."""
    values = "".join(
        f'\n{INDENT}{each.name} = "{each.name}"\n'
        + textwrap.indent(
            textwrap.fill(
                f'"""{each.http_status} {each.code}. {each.meaning} To do: {each.to_do}"""',
                LINE_CHARS - len(INDENT),
                break_on_hyphens=False,  # `Retry-After` is one word
            ),
            INDENT,
        )
        + "\n"
        for each in found
    )
    codes = "".join(f'{INDENT * 2}Reason.{each.name}: "{each.code}",\n' for each in found)
    return (
        '"""Why calls fail: made by `make generate` from the enum `ErrorReason`; do not edit."""\n'
        "\n"
        "from collections.abc import Mapping\n"
        "from enum import StrEnum\n"
        "from types import MappingProxyType\n"
        "from typing import Final\n"
        "\n"
        '__all__ = ["CODE_NAMES", "Reason"]\n'
        "\n\n"
        "class Reason(StrEnum):\n"
        f'{INDENT}"""The `reason` of a `google.rpc.ErrorInfo` whose domain is `aviary`."""\n'
        f"{values}"
        "\n\n"
        "CODE_NAMES: Final[Mapping[Reason, str]] = MappingProxyType(\n"
        f"{INDENT}{{\n{codes}{INDENT}}}\n)\n"
        '"""The name of the status code that comes with each."""\n'
    )


def table() -> str:
    """List the reasons for the docs, in order of status and name."""
    ordered = sorted(_current(), key=lambda each: (each.http_status, each.code, each.name))
    head = (
        "| HTTP | code | reason | what it means | what to do |\n| --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(
        f"| {each.http_status} | `{each.code}` | `{each.name}` | {each.meaning} | {each.to_do} |\n"
        for each in ordered
    )


def _reason(name: str, comment: str) -> ErrorReason:
    found = _COMMENT.fullmatch(comment)
    if found is None:
        raise click.ClickException(
            f"{PROTO}: the comment of {name} is not `<HTTP status> <CODE>. <meaning> To do: <…>`"
        )
    status, code, meaning, to_do = found.groups()
    return ErrorReason(name, int(status), code, meaning, f"{to_do[0].upper()}{to_do[1:]}")


def _current() -> Sequence[ErrorReason]:
    return reasons(FileDescriptorSet.FromString((ROOT / "gen" / "descriptor.pb").read_bytes()))


@click.group()
def main() -> None:
    """Write the reasons of errors as code."""


@main.command()
def build() -> None:
    """Write the module anew."""
    MODULE.write_text(module(_current()))


@main.command()
def check() -> None:
    """Fail when the module is stale."""
    if not MODULE.exists() or MODULE.read_text() != module(_current()):
        raise click.ClickException(f"{MODULE.relative_to(ROOT)} is stale; run `make generate`")


if __name__ == "__main__":
    main()
