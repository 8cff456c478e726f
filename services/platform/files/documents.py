"""JSON files of ours, whose shape is a type."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

__all__ = ["json_of", "parse_json"]

Document = TypeVar("Document")


def parse_json(kind: type[Document], text: str | bytes) -> Document:
    """Read JSON into a `kind`, such as a dataclass or `dict[str, str]`.

    Raises ValueError, in one line that names the place and quotes no value: it may be a secret.
    """
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    said = first.get("ctx", {}).get("error", first["msg"])
    raise ValueError(f"{place}: {said}" if place else str(said))


def json_of(document: object) -> bytes:
    """Write what `parse_json` reads, indented for people, and with a line's end."""
    return TypeAdapter(type(document)).dump_json(document, indent=2, by_alias=True) + b"\n"
