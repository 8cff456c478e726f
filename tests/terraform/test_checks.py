"""Each check of `infra/terraform/` can fail: it is given something wrong."""

from pathlib import Path

import pytest

from tests.terraform.topic_schema import SCHEMA
from tools.terraform import arguments, expressions, layout
from tools.terraform.examples import examples
from tools.terraform.scan import ScanError, scan
from tools.terraform.schema import Block, Provider
from tools.terraform.sources import SourceError, folders, local_values, parse

PROVIDERS = {"google": Provider("google", "8.0.0", Block(), {("resource", "google_topic"): SCHEMA})}


def faults(tmp_path: Path, body: str) -> list[str]:
    (tmp_path / "main.tf").write_text(f'resource "google_topic" "this" {{\n{body}\n}}\n')
    return [
        line.rpartition("google_topic.this: ")[2]
        for line in arguments.faults(folders(tmp_path), PROVIDERS)
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('name = "a"\nlabels = {}\nretry {\n  after = "1s"\n}', []),
        ('name = "a"\nlables = {}', ["unknown argument lables"]),
        ("labels = {}", ["name is missing"]),
        ('name = "a"\nmode = "FAST"\nmodes = ["FAST", var.mode]', []),
        ('name = "a"\nmode = "fast"', ["mode is none of FAST, SAFE: fast"]),
        ('name = "a"\nmodes = ["SAFE", "QUICK"]', ["modes is none of FAST, SAFE: QUICK"]),
        ('name = "a"\nmode = var.mode', []),
        ('name = "a"\nmode = "${var.mode}ER"', []),
        ('name = "a"\nuid = "b"', ["uid is the provider's to set"]),
        ('name = "a"\nretry {\n}', ["retry: after is missing"]),
        ('name = "a"\nretry {\n  after = "1s"\n  until = 1\n}', ["retry: unknown argument until"]),
        (
            'name = "a"\nretry {\n  after = "1s"\n}\nretry {\n  after = "2s"\n}',
            ["block retry may be there only 1 times"],
        ),
        (
            'name = "a"\ndynamic "retry" {\n  for_each = [1]\n  content {\n    wait = 1\n  }\n}',
            ["retry: unknown argument wait", "retry: after is missing"],
        ),
        (
            'name = "a"\ndynamic "again" {\n  for_each = [1]\n  content {\n  }\n}',
            ["unknown block again"],
        ),
    ],
)
def test_arguments(tmp_path, body, said) -> None:
    assert faults(tmp_path, body) == said


def test_the_provider_that_a_block_names(tmp_path) -> None:
    code = 'resource "google_topic" "this" {\n  provider = %s\n  name = "a"\n}\n'
    beta = {
        "google-beta": Provider("google-beta", "8", Block(), {("resource", "google_topic"): SCHEMA})
    }
    for named, known in (("google-beta", True), ("google-beta.second", True), ("google", False)):
        (tmp_path / "main.tf").write_text(code % named)
        found = folders(tmp_path)
        assert (arguments.faults(found, beta) == []) is known
        assert (arguments.wanted(found, "google-beta") != set()) is known


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("\"request.method == 'POST'\"", None),
        ("\"has(request.headers['x']) && int(request.headers['x']) > ${var.most}\"", None),
        ("\"'[${var.codes}]'.contains(origin.region_code)\"", None),
        ("\"request.method = 'POST'\"", "Syntax error"),
        ('"request.method == \'POST"', "Syntax error"),
        ('join(" || ", var.parts)', "is not written out"),
    ],
)
def test_expressions(tmp_path, expression, fault) -> None:
    code = (
        'resource "google_x" "y" {\n  rule {\n    match {\n      expression = %s\n    }\n  }\n}\n'
    )
    (tmp_path / "main.tf").write_text(code % expression)
    found = list(expressions.faults(folders(tmp_path)))
    assert [fault in line for line in found] == ([] if fault is None else [True])


def test_unknown_types(tmp_path) -> None:
    (tmp_path / "main.tf").write_text(
        'data "google_topic" "this" {\n}\nresource "aws_x" "y" {\n}\n'
    )
    found = arguments.faults(folders(tmp_path), PROVIDERS)
    assert [line.rpartition(": ")[2] for line in found] == ["no provider has this type"] * 2


def test_a_file_that_does_not_parse(tmp_path) -> None:
    path = tmp_path / "main.tf"
    path.write_text('resource "google_topic" "this" {\n')
    with pytest.raises(SourceError, match=str(path)):
        parse(path)


def test_locals_are_values(tmp_path) -> None:
    (tmp_path / "a.tf").write_text('locals {\n  one = { "x" = ["y", 2] }\n}\n')
    (tmp_path / "b.tf").write_text("locals {\n  two = true\n}\n")
    (found,) = folders(tmp_path)
    assert local_values(found) == {"one": {"x": ["y", 2]}, "two": True}


def test_layout(tmp_path) -> None:
    module = tmp_path / "modules" / "thing"
    module.mkdir(parents=True)
    (module / "main.tf").write_text("#checkov:skip=CKV_1:n/a\n#checkov:skip=CKV_2\nlocals {\n}\n")
    (module / "variables.tf").write_text('variable "x" {\n  default = 1\n}\n')
    (module / "outputs.tf").write_text('output "y" {\n  value = 1\n}\n')
    found = [
        line.replace(str(module), "")
        for line in layout.faults(folders(tmp_path), tmp_path / "modules")
    ]
    assert found == [
        ": versions.tf is missing",
        ": README.md is missing",
        ": there is no test",
        "/main.tf: the skip of CKV_1 gives no reason",
        "/main.tf: the skip of CKV_2 gives no reason",
        "/outputs.tf: output y has no description",
        "/variables.tf: variable x has no description",
        "/variables.tf: variable x has no type",
    ]


def test_a_module_shows_itself(tmp_path) -> None:
    (tmp_path / "thing").mkdir()
    readme = tmp_path / "thing" / "README.md"
    readme.write_text('```hcl\nmodule "x" {\n  source = "./modules/other"\n}\n```\n')
    with pytest.raises(SourceError, match="no example"):
        examples(tmp_path)
    readme.write_text('```hcl\nmodule "x" {\n  source = "./modules/thing"\n}\n```\n')
    assert [each.name for each in examples(tmp_path)] == ["thing-1"]


# What the generator of the bindings writes for a resource with an argument, a block of at most one
# and an answer of the provider's; shortened to what is read.
@pytest.mark.parametrize("said", ["", "[]", '{"passed": 0}', "Traceback"])
def test_a_scan_without_a_report_is_no_success(tmp_path, said) -> None:
    checkov = tmp_path / "checkov"
    checkov.write_text(f"#!/bin/sh\necho '{said}'\n")
    checkov.chmod(0o755)
    with pytest.raises(ScanError):
        scan(checkov, tmp_path)
