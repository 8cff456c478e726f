"""Two structures compared, in lines that name what differs and how."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import MessageToDict

__all__ = ["differences", "file_contents"]

# Written by protoc into some copies and left out of others; they say nothing of the contract.
UNSAID = frozenset({"jsonName", "json_name"})
SHOWN_CHARS = 100


def differences(found: object, wanted: object, *, wanted_by: str) -> list[str]:
    """Compare what was found with what `wanted_by` says; a line for each difference."""
    left, right = dict(_leaves(found, "")), dict(_leaves(wanted, ""))
    lines = []
    for path in sorted({*left, *right}):
        if path not in right:
            lines.append(f"{path} is {_shown(left[path])}; {wanted_by} has none")
        elif path not in left:
            lines.append(f"{path} is missing; {wanted_by} has {_shown(right[path])}")
        elif left[path] != right[path]:
            lines.append(f"{path} is {_shown(left[path])}; {wanted_by} has {_shown(right[path])}")
    return lines


def file_contents(file: FileDescriptorProto) -> dict[str, Any]:
    """Return what a proto file says, without its comments."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return dict(MessageToDict(bare, preserving_proto_field_name=True))


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Give each value that holds no others, with the names that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in UNSAID:
                yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            # Elements with a name are the same one wherever they stand.
            name = inner.get("name", at) if isinstance(inner, dict) else at
            yield from _leaves(inner, f"{path}[{name}]")
    else:
        yield path, value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
