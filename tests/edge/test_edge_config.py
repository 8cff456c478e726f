"""Envoy itself judges the configuration."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import sidecar
from gateway.envoy import EdgeConfig, bootstrap, to_yaml
from gateway.envoy.admin import DEFAULT_ADMIN_SOCKET
from gateway.envoy_binary import envoy_binary
from services.platform.tokens.issuers import Issuer
from tests.edge.conftest import DESCRIPTOR, GENERATED


@pytest.mark.parametrize("collector", [None, "127.0.0.1:4317"])
def test_envoy_accepts_it(tmp_path: Path, collector: str | None) -> None:
    config = EdgeConfig(
        descriptor_path=str(DESCRIPTOR),
        openapi_path=str(GENERATED / "openapi.json"),
        docs_path=str(GENERATED / "docs.html"),
        otlp_collector=collector,
    )
    accepted(tmp_path, config)


def test_envoy_accepts_other_issuers(tmp_path: Path) -> None:
    known = {"audiences": ("a",), "user_claim": "sub", "may_act_for_anybody": False}
    one = Issuer(name="one", issuer="https://one", jwks_uri="https://one.test/jwks", **known)
    two = Issuer(name="two", issuer="https://two", jwks_uri="http://two.test:1/jwks", **known)
    config = EdgeConfig(
        descriptor_path=str(DESCRIPTOR),
        issuers=(*EdgeConfig().issuers, one, two),
        public_reads=True,
        denials_log_path=str(tmp_path / "denials.log"),
    )
    accepted(tmp_path, config)


def accepted(folder: Path, config: EdgeConfig) -> None:
    (folder / "envoy.yaml").write_text(to_yaml(config))
    verdict = subprocess.run(
        [str(envoy_binary()), "--mode", "validate", "-c", str(folder / "envoy.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.returncode == 0, verdict.stderr
    # A release on, what is deprecated today is refused.
    assert "Deprecated field" not in verdict.stderr


def test_traces_only_with_a_collector() -> None:
    assert "opentelemetry" not in to_yaml(EdgeConfig())
    assert "opentelemetry" in to_yaml(EdgeConfig(otlp_collector="127.0.0.1:4317"))


def test_a_gateway_that_is_back_is_asked_within_two_seconds() -> None:
    sources = list(_found(bootstrap(EdgeConfig()), "api_config_source"))
    assert sources
    for source in sources:
        (service,) = source["grpc_services"]
        pauses = service["envoy_grpc"]["retry_policy"]["retry_back_off"]
        assert float(pauses["max_interval"].removesuffix("s")) <= 2


def _found(within: Any, key: str) -> Iterator[Any]:
    """What this key has, however deep."""
    if isinstance(within, dict):
        if key in within:
            yield within[key]
        within = list(within.values())
    if isinstance(within, list):
        for each in within:
            yield from _found(each, key)


def test_nobody_changes_limits_while_envoy_runs() -> None:
    for built in (bootstrap(EdgeConfig()), *map(sidecar.bootstrap, sidecar.deployed().values())):
        assert built["admin"]["address"] == {"pipe": {"path": DEFAULT_ADMIN_SOCKET, "mode": 0o600}}
        (values,) = built["layered_runtime"]["layers"]
        assert "static_layer" in values


def test_the_yaml_says_what_was_built() -> None:
    assert yaml.safe_load(to_yaml(EdgeConfig())) == bootstrap(EdgeConfig())
