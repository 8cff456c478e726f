"""Where Terraform and the manifests speak of the same thing, they say the same."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gateway.sidecar.deployed import CERTIFICATES
from tools.deploy import layout, pods
from tools.deploy.certificates import ISSUER, certificates
from tools.deploy.facts import all_services
from tools.deploy.kubernetes import KUBERNETES
from tools.terraform.sources import folders, local_values

MODULES = layout.ROOT / "infra" / "terraform" / "modules"
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
    assert values(MODULES / "mesh")["collector_port"] == int(layout.COLLECTOR.partition(":")[2])


def test_secrets(names) -> None:
    assert {name: each["secrets"] for name, each in names["services"].items()} == {
        each.name: list(each.secrets) for each in all_services()
    }


def test_secrets_are_called_as_secret_manager_calls_them() -> None:
    # Prefix and form of the ids, as modules/platform and modules/secrets have them.
    platform, secrets = text(MODULES / "platform"), text(MODULES / "secrets")
    assert 'lower(replace(trimprefix(variable, "AVIARY_"), "_", "-")) => {' in platform
    assert '"${var.name}-${each.key}"' in secrets
    prefix = default(MODULES / "secrets", "name")
    assert pods.secret_of("AVIARY_CURSOR_KEY") == f"{prefix}-cursor-key"


def test_who_runs_it_and_where_its_certificate_is() -> None:
    service = text(MODULES / "service")
    assert set(re.findall(r'(?:run_as_user|run_as_group|fs_group)\s+= "(\d+)"', service)) == {
        str(layout.USER)
    }
    assert values(MODULES / "service")["certificates_folder"] == layout.TLS_DIR == CERTIFICATES
    secret = values(MODULES / "service")["certificate_secret"]
    assert secret.replace("${var.name}", "tweet") == pods.certificate_secret("tweet")
    image = (layout.DEPLOY / "images" / "Dockerfile").read_text()
    assert image.count(f"USER {layout.USER}:{layout.USER}") == 2


def hours(duration: str) -> timedelta:
    return timedelta(hours=int(duration.partition("h")[0]))


def test_certificates() -> None:
    service = (MODULES / "service" / "certificate.tf").read_text()
    for wanted in certificates():
        spec = wanted["spec"]
        for name in ("duration", "renewBefore"):
            (written,) = re.findall(rf'{name}\s+= "(\w+)"', service)
            assert hours(written) == hours(spec[name])
        usages = ", ".join(f'"{each}"' for each in spec["usages"])
        assert f"[{usages}]" in service
        assert f'algorithm = "{spec["privateKey"]["algorithm"]}"' in service
    assert default(PROD, "certificate_issuer") == ISSUER
    (kind,) = re.findall(r'issuer_kind\s+= optional\(string, "(\w+)"\)', text(MODULES / "service"))
    assert {each["spec"]["issuerRef"]["kind"] for each in certificates()} == {kind}


def test_manifests_and_terraform_give_services_the_same_values() -> None:
    mesh = text(MODULES / "mesh")
    given = dict(re.findall(r'^\s+(AVIARY_\w+)\s+= "([^"$]*)"$', mesh, re.MULTILINE))
    lines = (KUBERNETES / "base" / "config.env").read_text().splitlines()
    config = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    both = given.keys() & config.keys()
    assert {"AVIARY_STORAGE", "AVIARY_BUS"} <= both
    assert {name: given[name] for name in both} == {name: config[name] for name in both}


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


def test_namespace_and_security() -> None:
    namespace = yaml.safe_load((KUBERNETES / "overlays" / "prod" / "namespace.yaml").read_text())
    assert namespace["metadata"]["name"] == default(MODULES / "mesh", "namespace")
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert f'"pod-security.kubernetes.io/enforce" = "{enforced}"' in text(MODULES / "mesh")
