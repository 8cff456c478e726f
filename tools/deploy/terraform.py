"""What the code and Terraform must call by the same name: a file of locals, made of the specs."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from services.platform.config.settings import DEFAULT_BUS_VISIBILITY_S, DEFAULT_EDGE_PORT
from services.platform.observability.objectives import OBJECTIVES, Objective
from services.platform.security.identities import TRUST_DOMAIN, server_name
from services.platform.specs import ServiceSpec, all_specs, all_subscriptions, all_topics
from tools.deploy import layout
from tools.deploy.hcl import Value, attributes
from tools.deploy.layout import HEADER, ROOT

__all__ = ["NAMES_FILE", "Local", "files", "names"]

NAMES_FILE: Final = ROOT / "infra" / "terraform" / "modules" / "names" / "services.tf"
WIDTH: Final = 100


class Local(NamedTuple):
    """One value of Terraform's `locals`."""

    name: str
    value: Value
    comment: str


def files() -> Mapping[Path, str]:
    """Build every generated file under `infra/terraform`."""
    body = "\n".join(_rendered(each) for each in names())
    return {NAMES_FILE: f"{HEADER}\nlocals {{\n{body}}}\n"}


def names() -> list[Local]:
    """Return every name that the code and the cloud share."""
    return [*_of_services(), *_of_messages(), *_of_processes(), _of_objectives()]


def _rendered(local: Local) -> str:
    comment = textwrap.fill(local.comment, WIDTH, initial_indent="  # ", subsequent_indent="  # ")
    return f"{comment}\n{attributes({local.name: local.value}, 2)}\n"


def _of_services() -> Iterator[Local]:
    specs = all_specs().values()
    yield Local(
        "services",
        {spec.name: _service(spec) for spec in specs},
        "What each service is and may touch; `modules/workload-identity` grants no more. "
        "`extra_ports` are its further listeners, by their variables.",
    )
    yield Local(
        "tables",
        {
            table.name: {"max_age_s": table.max_age_s, "key": table.key}
            for spec in specs
            for table in spec.tables
        },
        "`max_age_s` is the retention of cells, null keeps them. `key` is the row key: numbers are "
        "fixed-width hex, and `~` is the 64-bit complement, by which the newest sorts first.",
    )
    yield Local(
        "secrets",
        sorted({variable for spec in specs for variable in spec.secrets}),
        "Variables that hold secrets of services.",
    )


def _of_messages() -> Iterator[Local]:
    yield Local("topics", list(all_topics()), "All but those of dead letters.")
    yield Local(
        "subscriptions",
        {each.name: each.topic for each in all_subscriptions()},
        "To their topics. Each has a dead letter topic and subscription of its own, which the "
        "consumer publishes to by itself.",
    )
    yield Local(
        "dead_letter_operator",
        next((spec.name for spec in all_specs().values() if spec.operates_queues), None),
        "The service that lists and redrives the dead letters of all others.",
    )
    yield Local(
        "ack_deadline_s",
        DEFAULT_BUS_VISIBILITY_S,
        "Seconds after which an unacknowledged message is delivered again.",
    )


def _of_processes() -> Iterator[Local]:
    yield Local(
        "trust_domain",
        TRUST_DOMAIN,
        "A process `x` is known by the URI spiffe://DOMAIN/x in its certificate,",
    )
    yield Local(
        "server_domain",
        server_name("").removeprefix("."),
        "and by the DNS name x.DOMAIN, which resolves nowhere.",
    )
    yield Local("edge_port", DEFAULT_EDGE_PORT, "Where Envoy listens.")
    yield Local("probe_port", layout.PROBE_PORT, "Where services answer a kubelet's health checks.")


def _of_objectives() -> Local:
    return Local(
        "objectives",
        {each.name: _objective(each) for each in OBJECTIVES},
        "`goal` is the share of good events in 30 days; an event is good when it ended without a "
        "fault of ours and within `threshold_s`. `metric` is a histogram, null what the load "
        "balancer counts; `methods` are values of its attribute `rpc.method`.",
    )


def _service(spec: ServiceSpec) -> Value:
    siblings = [table for name in spec.opens_rows_of for table in all_specs()[name].tables]
    # Whoever redrives dead letters publishes them to the topics that they came from.
    topics = dict.fromkeys((*spec.topics, *(all_topics() if spec.operates_queues else ())))
    http = {} if spec.http_port is None else {spec.http_address_variable: spec.http_port}
    return {
        "port": spec.port,
        "tables": [table.name for table in (*spec.tables, *siblings)],
        "publishes": list(topics),
        "subscribes": [each.name for each in spec.subscriptions],
        "uses_cache": spec.uses_cache,
        "secrets": list(spec.secrets),
        "extra_ports": http,
    }


def _objective(objective: Objective) -> Value:
    return {
        "goal": objective.goal,
        "threshold_s": objective.threshold_s,
        "metric": objective.metric,
        "methods": list(objective.methods),
    }
