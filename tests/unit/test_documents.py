"""JSON files of ours: read as their type says, refused in one line that quotes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from services.platform.files.documents import json_of, parse_json


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    sizes: Mapping[str, int]


def test_what_is_written_is_read_again() -> None:
    example = Example("a", {"b": 1})
    assert parse_json(Example, json_of(example)) == example
    assert parse_json(dict[str, str], json_of({"tweet": "127.0.0.1:1"})) == {"tweet": "127.0.0.1:1"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"name": "hunter2", "sizes": {"hunter2": 1}', "EOF"),
        ('{"name": "hunter2"}', "sizes: Field required"),
        ('{"name": "a", "sizes": {"b": "hunter2"}}', "sizes.b: "),
        ("[]", "an object"),
    ],
)
def test_what_does_not_fit_is_placed_and_not_quoted(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=place) as caught:
        parse_json(Example, text)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None
