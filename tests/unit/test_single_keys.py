"""A name that is given twice is refused, in every file that somebody writes by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.sidecar import ReplicasError, read_replicas
from services.cli.audit import audit
from services.platform.files.single_keys import RepeatedNameError, json_loads
from services.platform.files.single_yaml_keys import yaml_load
from services.platform.flags.file import FlagsError, read
from services.platform.tokens.issuers import (
    Issuer,
    IssuerError,
    distinct,
    embedded_issuer,
    read_issuers,
)
from tools.deploy.site import SITE_FILE, Site, SiteError

OURS = embedded_issuer("https://aviary.example")
ISSUER = {
    "name": "corp",
    "issuer": "https://corp.example",
    "audiences": ["aviary-api"],
    "user_claim": "sub",
    "jwks_uri": "https://corp.example/jwks",
}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]'])
def test_json_and_yaml_with_a_name_twice_are_refused(text: str) -> None:
    for load in (json_loads, yaml_load):
        with pytest.raises(RepeatedNameError, match="'a' is given twice"):
            load(text)


def test_equal_names_in_different_objects_are_allowed() -> None:
    text = '{"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}'
    assert json_loads(text) == yaml_load(text) == json.loads(text)
    merged = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\n"
    assert yaml_load(merged)["own"] == {"a": 1, "b": 3}
    with pytest.raises(RepeatedNameError):
        yaml_load("a: 1\nb: 2\na: 3\n")


FILES: list[tuple[str, str, Callable[[Path], object], type[Exception]]] = [
    ("flags.yaml", "edge.public-reads: false\nedge.public-reads: true\n", read, FlagsError),
    ("issuers.json", '[{"name": "a", "name": "b"}]', read_issuers, IssuerError),
    (
        "replicas.yaml",
        'id: [{address: "a:1"}]\nid: [{address: "b:1"}]\n',
        read_replicas,
        ReplicasError,
    ),
    (
        SITE_FILE,
        'data: {publicReads: "off", publicReads: "on"}',
        lambda p: Site.read(p.parent),
        SiteError,
    ),
]


@pytest.mark.parametrize(("name", "text", "load", "error"), FILES)
def test_files_with_a_name_twice_are_refused(
    tmp_path: Path, name: str, text: str, load: Callable[[Path], object], error: type[Exception]
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match="given twice"):
        load(tmp_path / name)


def test_anchors_with_a_chain_twice_are_refused(tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.json"
    anchors.write_text('{"tweet": [9, "x"], "tweet": [0, "y"]}')
    command = ["verify", "--data-dir", str(tmp_path), "--anchors", str(anchors)]
    done = CliRunner().invoke(audit, command)
    assert done.exit_code != 0
    assert "is not what `audit heads` prints" in done.output


def corp(**changes: str) -> Issuer:
    return Issuer(**{**ISSUER, **changes})  # type: ignore[arg-type]


def test_issuers_share_neither_a_name_nor_an_iss(tmp_path: Path) -> None:
    assert distinct((OURS, corp())) == (OURS, corp())
    with pytest.raises(IssuerError, match="two issuers have the name 'aviary'"):
        distinct((OURS, corp(name=OURS.name)))
    with pytest.raises(IssuerError, match=r"two issuers have the issuer 'https://aviary\.example'"):
        distinct((OURS, corp(issuer=OURS.issuer)))
    for name in ("aviary_app_key", "aviary_app_key_alone"):
        with pytest.raises(IssuerError, match="does not end in"):
            corp(name=name)
    (tmp_path / SITE_FILE).write_text('data: {issuerUrl: "https://aviary.example"}')
    (tmp_path / "issuers.json").write_text(json.dumps([{**ISSUER, "issuer": OURS.issuer}]))
    with pytest.raises(SiteError, match="two issuers"):
        Site.read(tmp_path)
