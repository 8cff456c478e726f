"""Prints, as JSON, what each place that lists services has for one of them: NAME GENERATED FOLDER.

In an interpreter of its own, as most of these are read once a process.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from gateway.envoy import config as edge

NAME, GENERATED, FOLDER = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
# Where `make generate` would have put the descriptor; nothing has read it yet.
edge.GENERATED = GENERATED

from gateway import sidecar  # noqa: E402
from gateway.envoy import EdgeConfig, bootstrap, own_contracts  # noqa: E402
from gateway.openapi import openapi_document  # noqa: E402
from gateway.sidecar.calls import allowed  # noqa: E402
from services.local.backup.contents import FILES  # noqa: E402
from services.local.own_files import opened, socket_folder  # noqa: E402
from services.local.plan import Where, on_this_machine  # noqa: E402
from services.platform.config.settings import Settings  # noqa: E402
from services.platform.flags.declared import declared_flags  # noqa: E402
from services.platform.security.call_table import CALLS  # noqa: E402
from services.platform.security.identities import IDENTITIES  # noqa: E402
from services.platform.specs import all_specs, all_subscriptions, all_topics  # noqa: E402
from tools import docs  # noqa: E402
from tools.deploy import compose, kubernetes, terraform  # noqa: E402
from tools.observability.__main__ import built  # noqa: E402

SPEC = all_specs()[NAME]
VARIABLE = SPEC.address_variable


def declared() -> dict[str, Any]:
    return {
        "calls": sorted(CALLS[NAME]),
        "certificate": NAME in IDENTITIES,
        "topics": [each for each in all_topics() if each in SPEC.topics],
        "subscriptions": {each.name: each.topic for each in all_subscriptions()},
        "flags": sorted(declared_flags()),
        "settings": Settings.from_environment({VARIABLE: "127.0.0.1:7"}).addresses[NAME],
        "backup": list(FILES),
    }


def local() -> dict[str, Any]:
    data_dir = opened(FOLDER / "data")
    with socket_folder(data_dir) as sockets:
        plan = on_this_machine(Where(data_dir, sockets, 8080, sys.executable, None))
        (own,) = (child for child in plan.services if child.name == NAME)
        behind = on_this_machine(
            Where(data_dir, sockets, 8080, sys.executable, FOLDER, sidecars=True)
        )
    return {
        "argv": list(own.argv[1:]),
        "listens": f"127.0.0.1:{own.port}" == own.env[VARIABLE] == plan.addresses[NAME],
        "known to all": all(VARIABLE in child.env for child in plan.services),
        "scraped": own.env["AVIARY_METRICS_ADDRESS"] == plan.metrics[NAME],
        "sidecar": f"{NAME}-sidecar" in {child.name for child in behind.sidecars},
    }


def sidecars() -> dict[str, Any]:
    built = sidecar.bootstrap(sidecar.deployed()[NAME])
    contracts = own_contracts()
    return {
        "clusters": [each["name"] for each in built["static_resources"]["clusters"]],
        "lets in": dict(allowed(NAME, contracts)),
        "is let in by tweet": allowed("tweet", contracts).get(NAME),
    }


def the_edge() -> dict[str, Any]:
    built = bootstrap(EdgeConfig())
    (cluster,) = (c for c in built["static_resources"]["clusters"] if c["name"] == NAME)
    text = json.dumps(built)
    return {
        "cluster": json.dumps(cluster).count(f'"port_value": {SPEC.port}'),
        "route": f'"/{SPEC.contracts[0]}/GetPoll"' in text,
        "transcoded": f'"services": {json.dumps(list(own_contracts().services))}' in text,
        "document": "/v1/polls/{poll_id}" in openapi_document(own_contracts())["paths"],
    }


def deployed() -> dict[str, Any]:
    manifests = {str(at.relative_to(kubernetes.KUBERNETES.parents[1])): text
                 for at, text in kubernetes.files().items()}  # fmt: skip
    base = "deploy/kubernetes/base"
    composed = {at.name: text for at, text in compose.files().items()}
    service = yaml.safe_load(composed["compose.yaml"])["services"][NAME]
    (policy,) = (
        each
        for each in yaml.safe_load_all(manifests[f"{base}/network-policies.yaml"])
        if each["metadata"]["name"] == NAME
    )
    certificates = manifests["deploy/kubernetes/components/cert-manager/certificates.yaml"]
    return {
        "kinds": [each["kind"] for each in yaml.safe_load_all(manifests[f"{base}/{NAME}.yaml"])],
        "resource": f"- {NAME}.yaml" in manifests[f"{base}/kustomization.yaml"],
        "address": VARIABLE in manifests[f"{base}/config.env"],
        "watched certificate": f"{base}/{NAME}.sds.yaml" in manifests,
        "certificate": f"name: {NAME}\n" in certificates,
        "policy": policy["kind"],
        "sidecar": f"{NAME}.yaml" in manifests["envoy/sidecars/kustomization.yaml"],
        "compose command": service["command"],
        "compose environment": {
            name: name in service["environment"]
            for name in ("AVIARY_CURSOR_KEY", "AVIARY_FLAGS_FILE", VARIABLE)
        },
        "targets": f'"{NAME}:9464"' in composed["targets.json"],
        "compose edge": f"address: {NAME}\n" in composed["envoy.yaml"],
    }


def infrastructure() -> dict[str, Any]:
    names = {each.name: each.value for each in terraform.names()}
    return {
        "service": names["services"][NAME],
        "table": names["tables"][SPEC.tables[0].name],
        "subscriptions": names["subscriptions"],
        "topics": names["topics"],
    }


def watched() -> dict[str, Any]:
    # Rules and dashboards list no service: each is there by its label.
    texts = {path.name: text for path, text in built().items() if path.suffix in {".yml", ".json"}}
    chosen = [name for name, text in texts.items() if re.search(r'job=~?\\*"', text)]
    return {
        "by job": "sum by (job)" in texts["aviary-requests.json"],
        "by subscription": "max by (subscription)" in texts["rules.yml"],
        "name a job": chosen,
    }


def read() -> dict[str, Any]:
    return {
        "readme": docs.services().splitlines(),
        "addresses": [each for each in docs.addresses().splitlines() if VARIABLE in each],
    }


json.dump(
    {
        "declared": declared(),
        "local": local(),
        "sidecars": sidecars(),
        "edge": the_edge(),
        "deploy": deployed(),
        "terraform": infrastructure(),
        "observability": watched(),
        "pages": read(),
    },
    sys.stdout,
)
