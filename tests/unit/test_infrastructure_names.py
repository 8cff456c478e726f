"""What the code and `infra/terraform` call by the same name."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from aviary.timeline.v1 import timeline_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from redis.asyncio.cluster import RedisCluster

from gateway.envoy.filters import MAX_BODY_BYTES
from gateway.envoy.secrets import TRUST_FILE, identity_file, identity_secret, trust_secret
from gateway.limits.budgets import Budget, EndpointClass, SlidingWindow, Subject
from gateway.limits.spans import MINUTE
from gateway.limits.table import CLASSES
from gateway.limits.write_classes import WRITE_CLASSES
from services.platform.bus import pubsub
from services.platform.config.settings import (
    Settings,
)
from services.platform.observability import names as telemetry
from services.platform.observability.objectives import OBJECTIVES, PERIOD_DAYS
from services.platform.observability.setup import SECONDS_BUCKETS
from services.platform.rows.bigtable.schema import FAMILY
from services.platform.security.identities import EDGE
from services.platform.specs import all_specs
from services.platform.valkey.connection import open_valkey
from services.timeline.spec import TABLES as TIMELINE_TABLES
from tools.deploy import terraform
from tools.deploy.__main__ import stale
from tools.terraform.sources import Folder, folders, local_values

ROOT = Path(__file__).resolve().parents[2]
INFRASTRUCTURE = ROOT / "infra" / "terraform"


def folder(path: str) -> Folder:
    (found,) = (each for each in folders(INFRASTRUCTURE / path) if each.path.name != "tests")
    return found


@pytest.fixture(scope="module")
def names():
    return local_values(folder("modules/names"))


def test_every_table_is_found() -> None:
    # Counted apart from the declarations, so that a table cannot hide from them.
    written = re.compile(r"\bTableSpec\(")
    sources = [path.read_text() for path in (ROOT / "services").rglob("*.py")]
    sources += [path.read_text() for path in (ROOT / "gateway").rglob("*.py")]
    declared = {table.name for spec in all_specs().values() for table in spec.tables}
    assert len(declared) == sum(len(written.findall(s)) for s in sources)


def test_what_is_made_of_the_specs_is_current() -> None:
    assert stale(terraform.files()) == []


def test_made_file_says_what_services_declare(names) -> None:
    # Read back by another's parser: what is written is what is meant.
    for name, value, _ in terraform.names():
        assert read_back(names[name]) == read_back(value), name


def read_back(value):
    """Values as text, since python-hcl2 gives some numbers and keywords as they stand."""
    if isinstance(value, dict):
        return {name: read_back(each) for name, each in value.items()}
    if isinstance(value, list):
        return [read_back(each) for each in value]
    return "null" if value is None else str(value).removesuffix(".0").lower()


def test_who_operates_queues_may_publish_to_all_topics(names) -> None:
    operator = names["services"][names["dead_letter_operator"]]
    assert set(operator["publishes"]) == set(names["topics"])


def test_opened_rows_of_siblings_are_granted(names) -> None:
    for name in ("tweet", "fanout"):
        assert {table.name for table in TIMELINE_TABLES} < set(names["services"][name]["tables"])


def test_every_secret_is_made(names) -> None:
    platform = (INFRASTRUCTURE / "modules/platform/main.tf").read_text()
    assert "for variable in module.names.secrets :" in platform
    assert set(names["secrets"]) <= settings_variables()


def test_column_family(names) -> None:
    assert names["column_family"] == FAMILY


def test_app_profile(names) -> None:
    mesh = (INFRASTRUCTURE / "modules/mesh/main.tf").read_text()
    platform = (INFRASTRUCTURE / "modules/platform/main.tf").read_text()
    assert re.search(r"AVIARY_BIGTABLE_APP_PROFILE += module.names.app_profile", mesh)
    assert re.search(r"active_profile += module.names.app_profile", platform)
    assert names["app_profile"]


def test_services_make_no_schema_in_the_cloud() -> None:
    mesh = (INFRASTRUCTURE / "modules/mesh/main.tf").read_text()
    assert re.search(r'AVIARY_SCHEMA += "given"', mesh)
    platform = (INFRASTRUCTURE / "modules/platform/main.tf").read_text()
    (permissions,) = re.findall(r"permissions = \[(.*)\]", platform)
    assert re.findall(r'"([\w.]+)"', permissions) == [
        "bigtable.tables.get",
        "pubsub.subscriptions.get",
    ]


def test_dead_letters(names) -> None:
    assert names["dead_letter_suffix"] == pubsub._DEAD_SUFFIX


def test_envoy_finds_its_certificate() -> None:
    mesh = local_values(folder("modules/mesh"))
    place = mesh["certificates_folder"]
    assert place == local_values(folder("modules/service"))["certificates_folder"]
    assert {identity_file(EDGE), TRUST_FILE} == set(mesh["envoy_secrets"])
    assert identity_secret(place, EDGE)["@type"] == mesh["envoy_secret"]
    written = str(mesh["envoy_secrets"])
    for secret in (identity_secret(place, EDGE), trust_secret(place)):
        for filename in re.findall(rf"{place}/([\w.]+)", str(secret)):
            assert f"${{local.certificates_folder}}/{filename}" in written
        for key in set(secret) - {"@type"}:
            assert key in written


def test_error_budgets_are_for_the_same_days() -> None:
    variables = (INFRASTRUCTURE / "modules/observability/variables.tf").read_text()
    (days,) = re.findall(r'variable "window_days" {[^}]*default\s+= (\d+)', variables)
    assert int(days) == PERIOD_DAYS


def test_objectives_can_be_measured() -> None:
    modules = (tweet_service_pb2, timeline_service_pb2)
    found = [s for module in modules for s in module.DESCRIPTOR.services_by_name.values()]
    methods = {
        f"{service.full_name}/{method.name}" for service in found for method in service.methods
    }
    for each in OBJECTIVES:
        assert each.threshold_s is None or each.threshold_s in SECONDS_BUCKETS
        assert methods.issuperset(each.methods)


def test_the_dashboard_asks_for_metrics_there_are() -> None:
    metrics = {value for name, value in vars(telemetry).items() if name.startswith("METRIC_")}
    spelt = {name.replace(".", "_") for name in metrics}
    for panel in local_values(folder("modules/observability"))["panels"]:
        query = panel["query"]
        if "googleapis_com:" in query:
            continue  # Google's own
        # A series stands before its labels or its range, or alone within a function.
        found = set(re.findall(r"\b([a-z]+(?:_[a-z]+)+)(?=[\[{])", query))
        found |= set(re.findall(r"\(([a-z_]+)\)$", query))
        series = {re.sub(r"(_seconds)?(_count|_bucket|_total)?$", "", each) for each in found}
        assert series, panel["title"]
        assert series <= spelt


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key, default=None):
        self.names.add(key)
        return super().get(key, default)


def settings_variables() -> set[str]:
    asked = Asked()
    Settings.from_environment(asked)
    return asked.names


def test_services_get_variables_that_they_read(names) -> None:
    variables = settings_variables()
    modules = [INFRASTRUCTURE / "modules" / name for name in ("mesh", "service")]
    code = "".join(path.read_text() for module in modules for path in module.glob("*.tf"))
    given = set(re.findall(r"^\s*(AVIARY_[A-Z_]+|OTEL_[A-Z_]+) +=", code, re.MULTILINE))
    given |= set(re.findall(r"\{ (AVIARY_[A-Z_]+|OTEL_[A-Z_]+) =", code))
    assert {"AVIARY_TLS", "AVIARY_TLS_DIR", "AVIARY_STORAGE"} <= given
    addresses = {f"AVIARY_{name.upper()}_ADDRESS" for name in names["services"]}
    addresses |= {name for each in names["services"].values() for name in each["extra_ports"]}
    assert addresses | given <= variables


async def test_the_caches_url_is_one_that_clients_take() -> None:
    mesh = (INFRASTRUCTURE / "modules/mesh/main.tf").read_text()
    (written,) = re.findall(r'AVIARY_CACHE_VALKEY_URL\s+= "(.*)"', mesh)
    url = written.replace("${var.cache.address}", "10.2.0.2:6379")
    url = url.replace("${local.authorities_file}", "authorities.pem")
    settings = Settings.from_environment({"AVIARY_CACHE_VALKEY_URL": url})
    client = open_valkey(settings.cache_valkey_url, timeout_s=1)
    assert isinstance(client, RedisCluster)
    assert client.connection_kwargs["ssl_ca_certs"] == "/etc/aviary/authorities.pem"
    await client.aclose()


def test_cloud_armor_refuses_what_the_edge_refuses() -> None:
    variables = (INFRASTRUCTURE / "modules/edge/variables.tf").read_text()
    assert f"max_body_bytes      = optional(number, {MAX_BODY_BYTES})" in variables


def most_in_a_minute(budget: Budget) -> float:
    bucket = budget.as_bucket() if isinstance(budget, SlidingWindow) else budget
    return bucket.capacity * (1 + MINUTE / bucket.refill_s)


def test_cloud_armor_lets_through_what_the_edge_takes() -> None:
    def of(classes: Sequence[EndpointClass]) -> int:
        each = [one.budgets[Subject.IP] for one in classes]
        most = (min(map(most_in_a_minute, (one.burst, one.sustained))) for one in each)
        return math.ceil(sum(most) / 1_000) * 1_000

    variables = (INFRASTRUCTURE / "modules/edge/variables.tf").read_text()
    given = dict(re.findall(r"(\w+_per_minute) += optional\(number, (\d+)\)", variables))
    assert {name: int(value) for name, value in given.items()} == {
        "requests_per_minute": of(CLASSES),
        "writes_per_minute": of(WRITE_CLASSES),
    }


def test_deadline_of_a_message_is_the_drivers_own(names) -> None:
    assert names["ack_deadline_s"] == pubsub.VISIBILITY_S


def test_images_and_ports_of_the_firewall(names) -> None:
    network = (INFRASTRUCTURE / "modules/network/main.tf").read_text()
    assert f'ports    = ["{names["edge_port"]}"]' in network


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_environments_know_every_service(names, environment) -> None:
    services_stage = local_values(folder(f"environments/{environment}/services"))
    sizes: Mapping[str, object] = services_stage.get("sizes", {})
    assert set(sizes) <= {*names["services"], "edge", "collector"}
