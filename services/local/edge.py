"""The edge on one machine: its configuration, and the Envoy that reads it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.draining_envoy import END_S as ENVOY_END_S
from gateway.envoy import (
    GENERATED,
    WEB_CLIENT,
    EdgeConfig,
    backends_at,
    checked_origins,
    json_backends_at,
    to_json,
)
from services.local.child import NOTICE_S, Child
from services.local.errors import StartError
from services.local.signs import EnvoyAnswers
from services.media.spec import SPEC as MEDIA
from services.platform.config.settings import Settings, SettingsError
from services.platform.tokens.issuers import (
    Issuer,
    IssuerError,
    distinct,
    embedded_issuer,
    read_issuers,
)

__all__ = ["EdgePorts", "IssuerAt", "Reached", "collector", "denials_log", "edge"]


DRAIN_S = 11
"""Longer than the edge lets a request take, which is 10 s."""
END_S = ENVOY_END_S + NOTICE_S
"""By then it has ended by itself, or the kernel has ended it."""


class Reached(NamedTuple):
    """Where the edge reaches services: `host:port` by their names."""

    grpc: Mapping[str, str]
    http: Mapping[str, str]
    """Of those that speak HTTP to it as well."""


class EdgePorts(NamedTuple):
    """Where the edge listens: for callers, for its administrator, for Prometheus."""

    edge: int
    admin: Path
    stats: int


class IssuerAt(NamedTuple):
    """Where the embedded issuer is, to the world and to the edge."""

    url: str
    http_address: str


def edge(
    data_dir: Path,
    certificates: Path | None,
    ports: EdgePorts,
    reached: Reached,
    issuer: IssuerAt,
) -> Child:
    """Write the edge's configuration into the data folder, and plan its Envoy.

    Raises `StartError`.
    """
    logs = data_dir / "logs"
    access_log = logs / "access.log"
    settings, issuers = _edge_settings(issuer)
    config = EdgeConfig(
        listen_port=ports.edge,
        admin_socket=str(ports.admin),
        stats_port=ports.stats,
        backends=backends_at(reached.grpc),
        json_backends=json_backends_at(reached.http),
        descriptor_path=str(GENERATED / "descriptor.pb"),
        openapi_path=str(GENERATED / "openapi.json"),
        docs_path=str(GENERATED / "docs.html"),
        web_client=str(WEB_CLIENT),
        cors_origins=_cors_origins(),
        certificates=None if certificates is None else str(certificates),
        access_log_path=str(access_log),
        denials_log_path=str(denials_log(data_dir)),
        otlp_collector=collector(),
        trace_percent=settings.trace_percent,
        issuers=issuers,
        identity_http=issuer.http_address,
        media_http=reached.http[MEDIA.name],
        public_reads=settings.public_reads,
        first_party_clients=settings.first_party_clients,
        limits=settings.edge_limits,
    )
    path = data_dir / "envoy.json"
    path.write_text(to_json(config))
    argv = [sys.executable, "-m", "gateway.draining_envoy", str(path)]
    argv += ["--drain-s", str(DRAIN_S), "--concurrency", str(os.cpu_count() or 1)]
    argv += ["--hot-restart", str(ports.admin.parent)]
    return Child(
        "envoy",
        ports.edge,
        argv,
        logs / "envoy.log",
        appends=(access_log, denials_log(data_dir)),
        stop_timeout_s=DRAIN_S + END_S,
        hurries=True,
        sign=EnvoyAnswers(ports.admin),
    )


def _edge_settings(issuer: IssuerAt) -> tuple[Settings, tuple[Issuer, ...]]:
    """Read what the environment says of the edge; `StartError` for what it cannot mean.

    The issuers are the embedded one, and those of the file.
    """
    try:
        settings = Settings.from_environment(os.environ)
        path = settings.trusted_issuers
        others = () if path is None else read_issuers(path)
        return settings, distinct((embedded_issuer(issuer.url), *others))
    except (SettingsError, IssuerError) as error:
        raise StartError(str(error)) from error


def denials_log(data_dir: Path) -> Path:
    """Say where the edge logs what it refused, for the audit log."""
    return data_dir / "logs" / "denials.log"


def collector() -> str | None:
    """host:port of the collector that the environment names, for the edge's own spans."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return urlsplit(endpoint).netloc if endpoint else None


def _cors_origins() -> tuple[str, ...]:
    """Origins whose pages may call the API: none unless the environment names them."""
    try:
        return checked_origins(os.environ.get("AVIARY_CORS_ORIGINS", ""))
    except ValueError as error:
        raise StartError(f"AVIARY_CORS_ORIGINS: {error}") from error
