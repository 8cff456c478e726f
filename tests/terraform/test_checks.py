"""Each check of `infra/terraform/` can fail: it is given something wrong."""

import io
import tarfile
from pathlib import Path

import pytest

from tools.terraform import arguments, expressions, layout
from tools.terraform.bindings import BindingsError, read_provider
from tools.terraform.examples import examples
from tools.terraform.scan import ScanError, scan
from tools.terraform.schema import Attribute, Block, NestedBlock, Provider
from tools.terraform.sources import SourceError, folders, local_values, parse

AFTER = Attribute("string", required=True, values=frozenset({"1s", "2s"}))
SCHEMA = Block(
    {
        "name": Attribute("string", required=True),
        "labels": Attribute(["map", "string"], optional=True),
        "uid": Attribute("string", computed=True),
        "mode": Attribute("string", optional=True, values=frozenset({"FAST", "SAFE"})),
        "modes": Attribute(["list", "string"], optional=True, values=frozenset({"FAST", "SAFE"})),
    },
    {
        "retry": NestedBlock(Block({"after": AFTER}), "list", max_items=1),
    },
)
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
BINDINGS = """
function topicRetryToHclTerraform(struct) {
    const attrs = {
        after: {
            value: cdktn.stringToHclTerraform(struct.after),
            isBlock: false,
            type: "simple",
            storageClassType: "string",
        },
    };
}
class TopicRetryOutputReference extends cdktn.ComplexObject {
    // after - computed: false, optional: false, required: true
    _after;
}
class TopicPeersOutputReference extends cdktn.ComplexObject {
    // port - computed: true, optional: false, required: false
    get port() {
        return this.getNumberAttribute('port');
    }
}
class Topic extends cdktn.TerraformResource {
    static tfResourceType = "google_topic";
    // name - computed: false, optional: false, required: true
    _name;
    // labels - computed: false, optional: true, required: false
    _labels;
    // mode - computed: false, optional: true, required: false
    _mode;
    // modes - computed: false, optional: true, required: false
    _modes;
    // uid - computed: true, optional: false, required: false
    get uid() {
        return this.getStringAttribute('uid');
    }
    // peers - computed: true, optional: false, required: false
    _peers = new TopicPeersList(this, "peers", true);
    // retry - computed: false, optional: true, required: false
    _retry = new TopicRetryOutputReference(this, "retry");
    synthesizeHclAttributes() {
        const attrs = {
            name: {
                value: cdktn.stringToHclTerraform(this._name),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            labels: {
                value: cdktn.hashMapperHcl(cdktn.stringToHclTerraform)(this._labels),
                isBlock: false,
                type: "map",
                storageClassType: "stringMap",
            },
            mode: {
                value: cdktn.stringToHclTerraform(this._mode),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            modes: {
                value: cdktn.listMapperHcl(cdktn.stringToHclTerraform, false)(this._modes),
                isBlock: false,
                type: "list",
                storageClassType: "stringList",
            },
            retry: {
                value: topicRetryToHclTerraform(this._retry.internalValue),
                isBlock: true,
                type: "list",
                storageClassType: "TopicRetryList",
            },
        };
    }
}
"""
# And the declarations beside it.
DOCUMENTED = """
export interface TopicConfig extends cdktn.TerraformMetaArguments {
    /**
    * A name.
    *
    * Docs: {@link https://example.com/docs/resources/topic#name Topic#name}
    */
    readonly name: string;
    /**
    * How it is delivered. Possible values: ["FAST", "SAFE"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#mode Topic#mode}
    */
    readonly mode?: string;
    /**
    * Possible values: ["FAST", "SAFE"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#modes Topic#modes}
    */
    readonly modes?: string[];
}
export interface TopicRetry {
    /**
    * When. Possible values: ["1s", "2s"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#after Topic#after}
    */
    readonly after: string;
}
"""
PROVIDER_BINDINGS = """
class GoogleProvider extends cdktn.TerraformProvider {
    // terraformGeneratorMetadata
    static metadata = {
        providerVersion: '8.7.0',
    };
    synthesizeHclAttributes() {
    }
}
"""


@pytest.fixture
def archive(tmp_path) -> Path:
    path = tmp_path / "provider.jsii.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in (
            ("topic/index.js", BINDINGS),
            ("topic/index.d.ts", DOCUMENTED),
            ("provider/index.js", PROVIDER_BINDINGS),
        ):
            member = tarfile.TarInfo(f"package/lib/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_bindings_give_the_schema(archive) -> None:
    provider = read_provider(archive, "google", [("resource", "google_topic")])
    assert provider.version == "8.7.0"
    block = provider.types["resource", "google_topic"]
    assert block.attributes == {
        **SCHEMA.attributes,
        "peers": Attribute(["set", ["object", {"port": "number"}]], computed=True),
    }
    assert block.blocks == SCHEMA.blocks


def test_bindings_without_a_type(archive) -> None:
    with pytest.raises(BindingsError, match="google_queue"):
        read_provider(archive, "google", [("resource", "google_queue")])


@pytest.mark.parametrize("said", ["", "[]", '{"passed": 0}', "Traceback"])
def test_a_scan_without_a_report_is_no_success(tmp_path, said) -> None:
    checkov = tmp_path / "checkov"
    checkov.write_text(f"#!/bin/sh\necho '{said}'\n")
    checkov.chmod(0o755)
    with pytest.raises(ScanError):
        scan(checkov, tmp_path)
