"""Where Terraform and the manifests speak of the same thing, they say the same."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.envoy import to_short_yaml
from services.platform.security.identities import EDGE
from tools.deploy import layout, pods, workloads
from tools.deploy.certificates import ISSUER
from tools.deploy.facts import all_services
from tools.deploy.google_cloud import PRIVATE_ACCESS
from tools.deploy.kubernetes import KUBERNETES, SIDECARS
from tools.deploy.pods import service_pod
from tools.deploy.rules import references
from tools.deploy.site import Site, _Data
from tools.terraform import sources
from tools.terraform.sources import folders, local_values

MODULES = layout.ROOT / "infra" / "terraform" / "modules"
SERVICES = [each.name for each in all_services()]
PROD = layout.ROOT / "infra" / "terraform" / "environments" / "prod" / "services"


def values(path: Path):
    (found,) = (each for each in folders(path) if each.path.name != "tests")
    return local_values(found)


def text(path: Path) -> str:
    return "".join(each.read_text() for each in sorted(path.glob("*.tf")))


def default(path: Path, variable: str) -> str:
    found = re.search(rf'variable "{variable}" {{[^}}]*default\s+= "([^"]*)"', text(path))
    assert found is not None, variable
    return found[1]


@pytest.fixture(scope="module")
def names():
    return values(MODULES / "names")


def test_ports(names) -> None:
    described = {each.name: each for each in all_services()}
    assert {name: each["port"] for name, each in names["services"].items()} == {
        name: each.port for name, each in described.items()
    }
    for name, each in names["services"].items():
        expected = layout.http_listener(described[name])
        assert {
            variable: f"{layout.ANYWHERE}:{port}" for variable, port in each["extra_ports"].items()
        } == expected
    assert names["edge_port"] == layout.EDGE_PORT
    assert names["probe_port"] == layout.PROBE_PORT


def test_secrets(names) -> None:
    assert {name: each["secrets"] for name, each in names["services"].items()} == {
        each.name: list(each.secrets) for each in all_services()
    }


def test_secrets_are_called_as_secret_manager_calls_them() -> None:
    # Prefix and form of the ids, as modules/platform and modules/secrets have them.
    platform, secrets = text(MODULES / "platform"), text(MODULES / "secrets")
    assert 'variable => lower(replace(trimprefix(variable, "AVIARY_"), "_", "-"))' in platform
    assert default(MODULES / "platform", "name") == default(MODULES / "secrets", "name")
    (keys,) = re.findall(r'signing_keys = "([\w-]+)"', platform)
    assert f"{default(MODULES / 'secrets', 'name')}-{keys}" == pods.SIGNING_KEYS
    assert '"${var.name}-${each.key}"' in secrets
    prefix = default(MODULES / "secrets", "name")
    assert pods.secret_of("AVIARY_CURSOR_KEY") == f"{prefix}-cursor-key"


def test_pods_are_written_once() -> None:
    # Terraform reads the manifests; what it writes itself of the cluster is none of them.
    declared = {
        each.type
        for folder in folders(MODULES / "mesh")
        for each in sources.declared(folder)
        if each.type.startswith("kubernetes_")
    }
    assert declared == {
        "kubernetes_config_map_v1",
        "kubernetes_manifest",
        "kubernetes_namespace_v1",
        "kubernetes_secret_v1",
        "kubernetes_service_account_v1",
    }
    mesh = text(MODULES / "mesh")
    for word in ("securityContext", "readinessProbe", "volumes", "preStop"):
        assert not re.search(rf"{word}\s*=", mesh), word
    # The one policy that the base lacks: a way to OpenSearch, where an environment has that.
    assert len(re.findall(r"podSelector\s*=", mesh)) == 1


def test_terraform_reads_every_file_that_kustomize_reads() -> None:
    prod = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "kustomization.yaml").read_text())
    read = text(MODULES / "mesh")
    for component in prod["components"]:
        folder = (KUBERNETES / "overlays" / "prod" / component).resolve()
        for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
            assert name in read, folder / name
    # Of the base it takes the list that Kustomize takes.
    assert "local.base.resources" in read
    assert "local.base.configMapGenerator" in read


def test_terraform_gives_pods_what_they_refer_to() -> None:
    made = {"aviary-valkey", "aviary-signing-keys", *map(pods.secret_of, all_secrets())}
    made |= {pods.certificate_secret(name) for name in (*SERVICES, EDGE)}
    config = (MODULES / "mesh" / "config.tf").read_text()
    for document in manifests():
        for kind, name in references(document):
            if kind == "Secret":
                assert name in made, name
            if kind == "ConfigMap" and name not in generated():
                assert re.search(rf"^    {name}\s+= ", config, re.MULTILINE), name


def all_secrets() -> set[str]:
    return {secret for service in all_services() for secret in service.secrets}


def manifests() -> list[dict[str, Any]]:
    base = KUBERNETES / "base"
    names = yaml.safe_load((base / "kustomization.yaml").read_text())["resources"]
    texts = [(base / name).read_text() for name in names if name.endswith(".yaml")]
    return [each for one in texts for each in yaml.load_all(one, yaml.CSafeLoader)]


def generated() -> set[str]:
    folders_of = (KUBERNETES / "base", SIDECARS)
    found = [yaml.safe_load((each / "kustomization.yaml").read_text()) for each in folders_of]
    return {each["name"] for one in found for each in one["configMapGenerator"]}


def test_pods_may_dial_where_names_lead() -> None:
    ranges = re.findall(r'cidrhost\("([\d./]+)", host\)', text(MODULES / "network"))
    assert ranges == [PRIVATE_ACCESS]


def test_valkeys_authorities_are_where_its_url_says() -> None:
    mesh = values(MODULES / "mesh")
    assert mesh["valkey_options"].endswith(f"ssl_ca_certs={layout.VALKEY_AUTHORITIES_FILE}")
    folder, _, name = layout.VALKEY_AUTHORITIES_FILE.rpartition("/")
    config = (MODULES / "mesh" / "config.tf").read_text()
    assert re.search(rf'{pods.VALKEY_AUTHORITIES}\s+= merge\(\s+{{ "{name}" = ', config)
    for service in all_services():
        (mount,) = (
            each
            for each in service_pod(service).container["volumeMounts"]
            if each["name"] == "valkey"
        )
        assert mount["mountPath"] == folder


def test_the_issuer_is_read_out_of_the_edges_configuration() -> None:
    # As the validation of the variable does it, in RE2's syntax, which is Python's here.
    variables = (MODULES / "mesh" / "variables.tf").read_text()
    (pattern,) = re.findall(r'regex\("([^"]*)", var.edge_config\)', variables)
    site = Site(issuer_url="https://birds.example")
    written = to_short_yaml(layout.edge_config(site, layout.through_sidecars()))
    assert re.findall(pattern.replace("\\\\", "\\"), written) == ["https://birds.example"]


def test_certificates_are_signed_by_one_issuer() -> None:
    assert default(MODULES / "mesh", "certificate_issuer") == ISSUER
    assert default(PROD, "certificate_issuer") == ISSUER


def test_the_schema_is_terraforms_in_production(names) -> None:
    overlay = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "kustomization.yaml").read_text())
    config = dict(line.split("=", 1) for line in overlay["configMapGenerator"][0]["literals"])
    assert config["AVIARY_BIGTABLE_APP_PROFILE"] == names["app_profile"]
    assert re.search(rf'AVIARY_SCHEMA += "{config["AVIARY_SCHEMA"]}"', text(MODULES / "mesh"))


def test_the_load_balancer_finds_the_edge() -> None:
    overlay = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "kustomization.yaml").read_text())
    (patch,) = overlay["patches"]
    ((operation,),) = yaml.safe_load_all(patch["patch"])
    group = json.loads(operation["value"]["cloud.google.com/neg"])["exposed_ports"]
    name = default(MODULES / "mesh", "network_endpoint_group")
    assert group == {str(layout.EDGE_PORT): {"name": name}}


def test_the_load_balancer_asks_what_the_edges_own_probes_ask() -> None:
    # Not for the whole: one service that is not ready would take the region away.
    deployment = next(each for each in workloads.edge() if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    path = container["readinessProbe"]["httpGet"]["path"]
    assert re.findall(r'request_path += "(.*)"', text(MODULES / "edge")) == [path]


# What differs from site to site, and whether processes beside the edge read it.
SITE = {
    "issuerUrl": "AVIARY_ISSUER_URL",
    "firstPartyClients": "AVIARY_FIRST_PARTY_CLIENTS",
    "publicReads": "AVIARY_PUBLIC_READS",
    "corsOrigins": None,
    "trustedHops": None,
    "tracePercent": None,
}


def test_what_a_site_says_reaches_services_too() -> None:
    assert {field.default.validation_alias for field in dataclasses.fields(_Data)} == set(SITE)
    overlay = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "kustomization.yaml").read_text())
    replaced = {
        each["source"]["fieldPath"].removeprefix("data."): each["targets"][0]["fieldPaths"]
        for each in overlay["replacements"]
    }
    mesh, stage = text(MODULES / "mesh"), text(PROD)
    for name, variable in SITE.items():
        if variable is not None:
            assert replaced[name] == [f"data.{variable}"]
            assert re.search(rf"{variable} += var\.", mesh), variable
            # The issuer is the domain that the stage is given.
            assert name == "issuerUrl" or f"local.site.{name}" in stage


def test_a_site_dials_valkey_where_terraform_makes_it() -> None:
    site = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "site.yaml").read_text())["data"]
    platform = text(PROD.parent / "platform")
    ranges = re.findall(r'(\w+) += "([\d./]+)"', platform)
    assert ("psc", site["valkeyRange"]) in ranges
    # Of nodes, pods or services it would open the way to everybody else.
    assert [name for name, taken in ranges if taken == site["valkeyRange"]] == ["psc"]


def test_namespace_and_security() -> None:
    namespace = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "namespace.yaml").read_text())
    assert namespace["metadata"]["name"] == default(MODULES / "mesh", "namespace")
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert f'"pod-security.kubernetes.io/enforce" = "{enforced}"' in text(MODULES / "mesh")
