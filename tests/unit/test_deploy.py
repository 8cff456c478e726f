"""What is in deploy/, and that each of its checks can fail."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from gateway.envoy import EdgeConfig, to_short_yaml
from services.platform.config.settings import DEFAULT_ISSUER_URL
from services.platform.config.signing_keys import parse_keys
from services.platform.security.certificates.authority import (
    BACKDATED,
    Authority,
    issue,
    load_pair,
    new_authority,
)
from tools.deploy.__main__ import stale
from tools.deploy.certificates import certificates
from tools.deploy.compose import COMPOSE
from tools.deploy.facts import all_services
from tools.deploy.kubernetes import files
from tools.deploy.layout import DEPLOY, ROOT, edge_config, through_sidecars
from tools.deploy.site import Site, SiteError
from tools.deploy.validation import check_compose, check_envoy, check_image


def test_what_is_committed_is_current() -> None:
    assert stale(files()) == []


def test_stale_file_is_named() -> None:
    changed = {path: f"{text}#\n" for path, text in files().items() if path.name == "id.yaml"}
    assert stale(changed) == ["deploy/kubernetes/base/id.yaml is stale: run `make generate`"]


def test_engines_secrets_and_flags_are_those_that_services_declare() -> None:
    services = {each.name: each for each in all_services()}
    assert services["timeline"].opens == {"rows", "cache"}
    assert services["identity"].opens == {"rows", "audit", "cache", "bus"}
    assert services["timeline"].secrets == ("AVIARY_CURSOR_KEY",)
    assert [each.name for each in services.values() if each.has_flags] == ["fanout", "gateway"]


# Images


def test_the_image_is_in_order() -> None:
    assert check_image(DEPLOY / "images" / "Dockerfile") == []


def test_image_that_runs_as_root_is_faulty(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    text = (DEPLOY / "images" / "Dockerfile").read_text()
    dockerfile.write_text(text.replace("USER 65532:65532", "USER root"))
    assert any("DL3002" in line for line in check_image(dockerfile))


def test_images_take_from_the_source_tree_only_what_is_let_in() -> None:
    dockerfile = (DEPLOY / "images" / "Dockerfile").read_text().splitlines()
    copied = {
        source
        for line in dockerfile
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    ignoring = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignoring if line.startswith("!")}
    assert copied == let_in
    assert "*" in ignoring
    assert all((ROOT / each).exists() for each in copied)


def test_bill_of_materials_names_what_the_lock_names(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    cyclonedx = Path(sys.executable).parent / "cyclonedx-py"
    arguments = ["requirements", "--output-reproducible", "--of", "JSON", "-o", bill]
    subprocess.run([cyclonedx, *arguments, ROOT / "requirements-gcp.lock"], check=True)
    written = json.loads(bill.read_text())
    assert written["bomFormat"] == "CycloneDX"
    found = {(each["name"], each["version"]) for each in written["components"]}
    lines = (ROOT / "requirements-gcp.lock").read_text().splitlines()
    locked = {tuple(line.split(" ")[0].split("==")) for line in lines if "==" in line[:60]}
    assert found == {(name.partition("[")[0], version) for name, version in locked}
    # So that whoever has the bill can know a wheel from another of its name.
    assert all(each["externalReferences"][0]["hashes"] for each in written["components"])


# Certificates


@pytest.mark.parametrize("wanted", certificates(), ids=lambda each: each["metadata"]["name"])
def test_cert_manager_is_asked_for_what_the_services_check(wanted: dict[str, Any]) -> None:
    authority = Authority(*load_pair(new_authority(datetime.now(UTC))))
    spec = wanted["spec"]
    leaf, _ = load_pair(issue(authority, spec["commonName"], datetime.now(UTC)))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert spec["uris"] == names.get_values_for_type(x509.UniformResourceIdentifier)
    assert spec["dnsNames"] == names.get_values_for_type(x509.DNSName)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    hours = timedelta(hours=int(spec["duration"].removesuffix("h0m0s")))
    assert life - BACKDATED == hours


# Compose


@pytest.fixture
def composed() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return read


def test_the_compose_file_is_in_order(composed: dict[str, Any]) -> None:
    assert check_compose(yaml.safe_dump(composed)) == []


def test_keys_are_made_once_and_are_keys(composed: dict[str, Any], tmp_path: Path) -> None:
    *_, program = composed["services"]["keys"]["entrypoint"]
    program = program.replace("/var/lib/aviary/keys", str(tmp_path))
    made = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True)
        made.append((tmp_path / "signing.keys").read_text())
    assert made[0] == made[1]
    assert len(parse_keys(made[0])) == 1
    assert (tmp_path / "signing.keys").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda s: s["tweet"].update(depends_on=7), "not by the specification"),
        (lambda s: s["tweet"].update(comand=["tweet"]), "comand"),
        (lambda s: s.pop("graph"), "graph is missing"),
        (lambda s: s.pop("cache"), "waits for cache, which is not there"),
        (lambda s: s["cache"].pop("healthcheck"), "health of cache, which has no check"),
        (lambda s: s["edge"].update(ports=["8080:8080"]), "edge publishes 8080:8080"),
        (lambda s: s["id"]["environment"].update(AVIARY_X="1"), "id: nothing reads AVIARY_X"),
        (
            lambda s: s["id"]["environment"].update(AVIARY_TWEET_ADDRESS="tweet:1"),
            "id: tweet is not at tweet:1",
        ),
        (
            lambda s: s["graph"]["environment"].pop("AVIARY_CURSOR_KEY"),
            "graph: does not get AVIARY_CURSOR_KEY",
        ),
        (
            lambda s: s["identity"]["environment"].pop("AVIARY_IDENTITY_HTTP_ADDRESS"),
            "identity: does not get AVIARY_IDENTITY_HTTP_ADDRESS",
        ),
        (lambda s: s["id"]["environment"].update(AVIARY_BUS="kafka"), "AVIARY_BUS: got 'kafka'"),
    ],
)
def test_each_fault_of_the_compose_file_is_told(
    composed: dict[str, Any], break_it: Callable[[dict[str, Any]], object], said: str
) -> None:
    break_it(composed["services"])
    lines = check_compose(yaml.safe_dump(composed))
    assert any(said in line for line in lines), lines


# The edge


def test_envoy_takes_the_edge_of_a_container() -> None:
    assert check_envoy(Site()) == []


def test_a_site_is_in_its_edge() -> None:
    site = Site.of({"issuerUrl": "https://aviary.example", "trustedHops": "2", "publicReads": "on"})
    edge = to_short_yaml(edge_config(site, through_sidecars()))
    assert "issuer: https://aviary.example\n" in edge
    assert "xff_num_trusted_hops: 2\n" in edge
    assert DEFAULT_ISSUER_URL not in edge
    assert edge != to_short_yaml(edge_config(replace(site, public_reads=False), through_sidecars()))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("data: {issuerUrl: api.example.com}", "issuerUrl: got 'api.example.com'"),
        ("data: {trustedHops: '-1'}", "trustedHops: got '-1'"),
        ("data: {publicReads: 'yes'}", "publicReads: got 'yes'"),
        ("data: {corsOrigins: app.example}", "is no origin"),
        ("data: 7", "site.yaml"),
        ("data: [", "site.yaml"),
        ("data: {trustedHops: 2}", "data: wanted texts"),
        ("{}", "data: wanted texts"),
    ],
)
def test_a_site_that_is_wrong_is_named(tmp_path: Path, data: str, said: str) -> None:
    (tmp_path / "site.yaml").write_text(data)
    with pytest.raises(SiteError, match=re.escape(str(tmp_path))) as refused:
        Site.read(tmp_path)
    assert said in str(refused.value)


def test_further_issuers_of_a_site_count_at_its_edge(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("data: {}")
    other = {"name": "other", "issuer": "https://other.example", "audiences": ["aviary"]}
    (tmp_path / "issuers.json").write_text(
        json.dumps([other | {"user_claim": "uid", "jwks_uri": "https://other.example/keys"}])
    )
    edge = to_short_yaml(edge_config(Site.read(tmp_path), through_sidecars()))
    assert "issuer: https://other.example\n" in edge


def test_envoy_refuses_an_edge_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.deploy.validation.to_short_yaml", lambda _: "static_resources: 7\n")
    assert check_envoy(Site())


def test_backend_on_loopback_is_faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a backend has when nobody has said where it is in a container.
    def forgotten(*arguments: Any) -> EdgeConfig:
        return replace(edge_config(*arguments), backends=EdgeConfig().backends)

    monkeypatch.setattr("tools.deploy.layout.edge_config", forgotten)
    assert "tweet is sought in the edge's own container" in check_envoy(Site())
