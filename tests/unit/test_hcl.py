"""Values for Terraform: what another's parser reads is what was written."""

import pytest

from tools.deploy.hcl import Value, attributes
from tools.terraform.sources import blocks, literal, parse_text


@pytest.mark.parametrize(
    "value",
    ["plain", 7, [], ["a", "b"], {}, {"x": "y"}, {"a-b": {"c": ["d"] * 60}}, ["x" * 40] * 5],
)
def test_value_is_read_back(value: Value) -> None:
    parsed = parse_text(f"locals {{\n{attributes({'it': value}, 2)}\n}}\n", "here")
    assert literal(dict(blocks(parsed["locals"][0]))["it"]) == value


def test_text_is_no_expression() -> None:
    assert attributes({"a": "${b} %{c}"}) == 'a = "$${b} %%{c}"'
    assert attributes({"a": 'say "so"'}) == 'a = "say \\"so\\""'


def test_neighbours_on_one_line_are_aligned() -> None:
    long = ["x" * 60, "y" * 60]
    assert attributes({"a": None, "long": 0.5, "list": long, "b": True}) == (
        f'a    = null\nlong = 0.5\nlist = [\n  "{long[0]}",\n  "{long[1]}",\n]\nb = true'
    )
