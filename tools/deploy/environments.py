"""The environments of processes, each read as its service would read it."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.envoy.public_reads import UNIDENTIFIED
from services.platform.config.settings import Settings, SettingsError
from services.platform.specs import all_specs
from tools.deploy import layout
from tools.deploy.facts import Service, all_services
from tools.deploy.layout import Document
from tools.deploy.pods import EDGE_CONFIG, OPTIONAL_SECRETS, secret_of

__all__ = [
    "FROM_ELSEWHERE",
    "environment_faults",
    "environments_in",
    "in_compose",
    "in_manifests",
    "known_variables",
]

_KEY: Final = "0f" * 32
"""In place of a key that no file may hold."""
_IN_PLACE_OF: Final = {"AVIARY_SEARCH_URL": "https://search.example:9200"}
"""Secrets that are no keys."""
_VALKEY_URLS: Final = ("AVIARY_CACHE_VALKEY_URL", "AVIARY_NONCE_VALKEY_URL")
_NEEDED: Final = (
    *_VALKEY_URLS,
    "AVIARY_ISSUER_URL",
    "AVIARY_METRICS_ADDRESS",
    "AVIARY_PROBE_ADDRESS",
    "AVIARY_SIGNING_KEYS_FILE",
)
# As the edge's configuration has the embedded issuer.
_ISSUER: Final = re.compile(r"^ +aviary:\n +issuer: (\S+)$", re.MULTILINE)
# And the rule that refuses public reads without a token, which is there while they are closed.
_CLOSED_READS: Final = re.compile(rf"^ +{UNIDENTIFIED}:$", re.MULTILINE)

FROM_ELSEWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "aviary-valkey": dict.fromkeys(_VALKEY_URLS, "redis://valkey:6379/0"),
    "aviary-signing-keys": {},
    **{
        secret_of(variable): {variable: _IN_PLACE_OF.get(variable, _KEY)}
        for service in all_services()
        for variable in service.secrets
    },
}
"""Secrets that no file may hold, and what stands for them here."""


def in_manifests(documents: Sequence[Document]) -> Iterator[str]:
    """Give a line for each fault in the environments of rendered manifests."""
    environments = environments_in(documents)
    issuer = _issuer_of_the_edge(documents)
    reads = "on" if _public_reads_of_the_edge(documents) else "off"
    for service in all_services():
        env = environments[service.name]
        expected = layout.addresses_behind_sidecars(service.name)
        faults = [*environment_faults(service, env, expected)]
        if env.get("AVIARY_SIDECAR") != "on":
            faults.append("does without its sidecar")
        if env.get("AVIARY_ISSUER_URL") != issuer:
            faults.append(f"takes {env.get('AVIARY_ISSUER_URL')} for the issuer, the edge {issuer}")
        if env.get("AVIARY_PUBLIC_READS", "off") != reads:
            # The gateway would undo it.
            faults.append(f"public reads are {reads} at the edge, and not here")
        yield from (f"{service.name}: {each}" for each in faults)


def environments_in(documents: Sequence[Document]) -> Mapping[str, dict[str, str]]:
    """Return the environment of each service's container, by the service's name."""
    held = {
        **{("Secret", name): values for name, values in FROM_ELSEWHERE.items()},
        **{("ConfigMap", d["metadata"]["name"]): d["data"] for d in _kind(documents, "ConfigMap")},
        **{("Secret", d["metadata"]["name"]): _decoded(d) for d in _kind(documents, "Secret")},
    }
    pods = {d["metadata"]["name"]: d for d in documents if "template" in d.get("spec", {})}
    return {
        each.name: _environment(pods[each.name]["spec"]["template"]["spec"]["containers"][0], held)
        for each in all_services()
    }


def in_compose(service: Service, env: Mapping[str, str]) -> Iterator[str]:
    """Give a line for each fault in the environment of a container of the compose file."""
    yield from environment_faults(service, env, layout.addresses_by_name(service.name))
    if not env.get("AVIARY_TLS_DIR"):
        yield "speaks plaintext"


def environment_faults(
    service: Service, env: Mapping[str, str], addresses: Mapping[str, str]
) -> Iterator[str]:
    """Give a line for each thing in an environment that is not as the service needs it."""
    known = known_variables()
    unknown = [each for each in env if each.startswith("AVIARY_") and each not in known]
    yield from (f"nothing reads {each}" for each in unknown)
    try:
        settings = Settings.from_environment(env)
    except SettingsError as error:
        yield str(error)
        return
    for sibling, spec in all_specs().items():
        if settings.addresses[sibling] != addresses[spec.address_variable]:
            yield f"{sibling} is not at {settings.addresses[sibling]}"
    yield from (f"does not get {each}" for each in _needed(service) if not env.get(each))
    yield from (f"does not get {each}, if only as empty" for each in _meant(service) - env.keys())
    if service.http_port is not None and settings.http_tls_dir(service.name) is None:
        yield "speaks HTTP in plaintext"


def _needed(service: Service) -> tuple[str, ...]:
    """Return the variables that a service in a container cannot do without.

    The settings have defaults for all of them, which are for one machine.
    """
    flags = ("AVIARY_FLAGS_FILE",) if service.has_flags else ()
    return (*_NEEDED, *layout.http_listener(service), *flags)


def _meant(service: Service) -> set[str]:
    """Return the variables that somebody must have thought of; empty, a service does without."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT", *service.secrets} - OPTIONAL_SECRETS


def known_variables() -> frozenset[str]:
    """Return the names that the settings ask an environment for."""
    asked: set[str] = set()

    class _Noting(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - dict's signature
            asked.add(key)
            return super().get(key, default)

    Settings.from_environment(_Noting())
    return frozenset(asked)


def _environment(
    container: Document, held: Mapping[tuple[str, str], Mapping[str, str]]
) -> dict[str, str]:
    env: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if key in source:
                env |= held[kind, source[key]["name"]]
    for each in container.get("env", []):
        if "value" in each:
            env[each["name"]] = each["value"]
        else:
            reference = each["valueFrom"]["secretKeyRef"]
            value = held["Secret", reference["name"]].get(reference["key"])
            env |= {} if value is None else {each["name"]: value}
    return env


def _issuer_of_the_edge(documents: Sequence[Document]) -> str | None:
    """Return the issuer whose keys the edge asks the identity service for."""
    for document in _kind(documents, "ConfigMap"):
        if document["metadata"]["name"].startswith(EDGE_CONFIG):
            found = _ISSUER.search(document["data"].get("envoy.yaml", ""))
            return None if found is None else found[1]
    return None


def _public_reads_of_the_edge(documents: Sequence[Document]) -> bool:
    for document in _kind(documents, "ConfigMap"):
        if document["metadata"]["name"].startswith(EDGE_CONFIG):
            return _CLOSED_READS.search(document["data"].get("envoy.yaml", "")) is None
    return False


def _kind(documents: Sequence[Document], kind: str) -> list[Document]:
    return [each for each in documents if each["kind"] == kind]


def _decoded(secret: Document) -> dict[str, str]:
    return {k: base64.b64decode(v).decode() for k, v in secret.get("data", {}).items()}
