"""The changelog: whole items, each said once, and all that is deprecated, with its day."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"^### (\w+)\n\n(.*?)(?=\n+###? |\Z)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"(?<=[.:]) ")
WORDS_THAT_TELL_APART = 6
SHORT = 50
"""Characters of a sentence that several items may well have, such as until when."""


def sections() -> dict[str, str]:
    return dict(SECTION.findall((ROOT / "CHANGELOG.md").read_text()))


def items(section: str) -> list[str]:
    return section.removeprefix("- ").split("\n- ")


def test_items_are_whole() -> None:
    for section in sections().values():
        lines = section.strip().splitlines()
        assert [line for line in lines if not line.startswith(("- ", "  "))] == []
        broken = [
            line
            for before, line in pairwise(lines)
            if before.endswith(".") and re.match(r"  [a-z]", line)
        ]
        assert broken == [], "the rest of an item whose beginning is gone"


def test_nothing_is_said_twice() -> None:
    for section in sections().values():
        begun = [" ".join(item.split()[:WORDS_THAT_TELL_APART]) for item in items(section)]
        assert sorted(begun) == sorted(set(begun))
        sentences = [
            each for each in SENTENCE.split(" ".join(section.split())) if len(each) > SHORT
        ]
        assert sorted(sentences) == sorted(set(sentences))


def test_all_that_is_deprecated_is_listed_with_its_day() -> None:
    listed = items(sections()["Deprecated"])
    assert [item for item in listed if not re.search(r"\b\d{4}-\d\d-\d\d\b", item)] == []
    names = {name for item in listed for name in re.findall(r"\w+", item)}
    assert [each for each in deprecated() if not names & set(each)] == []


def deprecated() -> Iterator[tuple[str, str]]:
    """Each field and RPC, by its own name and that of its service; an item may name either."""
    files = FileDescriptorSet.FromString((ROOT / "gen" / "descriptor.pb").read_bytes())
    for file in files.file:
        if file.package.startswith("aviary."):
            for service in file.service:
                for method in service.method:
                    if method.options.deprecated:
                        yield method.name, service.name
            for message in file.message_type:
                yield from _deprecated_fields(message)


def _deprecated_fields(message: DescriptorProto) -> Iterator[tuple[str, str]]:
    for field in message.field:
        if field.options.deprecated:
            yield field.name, f"{message.name}.{field.name}"
    for nested in message.nested_type:
        yield from _deprecated_fields(nested)
