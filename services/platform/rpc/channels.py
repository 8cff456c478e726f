"""Channels to siblings, which retry what is safe to retry."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from services.platform.config.values import each_address, joined
from services.platform.rpc.renewed_channel import RenewedChannel
from services.platform.rpc.retries import (
    BACKOFF_MULTIPLIER,
    FIRST_BACKOFF_S,
    MAX_ATTEMPTS,
    MAX_BACKOFF_S,
    MAX_TOKENS,
    TOKEN_RATIO,
)
from services.platform.rpc.signed_channel import SignedChannel
from services.platform.rpc.waiting_channel import WaitingChannel
from services.platform.security.identities import server_name
from services.platform.security.signing import Signer
from services.platform.security.tls import SiblingTls

__all__ = ["open_channel", "safe_paths", "service_config", "target"]

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""As on the server."""

FIRST_RECONNECT_WAIT_MS = 100
"""Siblings start together, and each is dialled before it listens."""

MAX_RECONNECT_WAIT_MS = 250
"""A restarted sibling is found before the next one of its processes ends; gRPC alone would wait up
to two minutes."""

KEEPALIVE_INTERVAL_MS = 20_000
"""Finds a connection that died in silence; twice what servers permit at least."""

KEEPALIVE_TIMEOUT_MS = 5_000

_RETRY_POLICY = {
    "maxAttempts": MAX_ATTEMPTS,
    "initialBackoff": f"{FIRST_BACKOFF_S}s",
    "maxBackoff": f"{MAX_BACKOFF_S}s",
    "backoffMultiplier": BACKOFF_MULTIPLIER,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_RETRY_BUDGET = {"maxTokens": MAX_TOKENS, "tokenRatio": TOKEN_RATIO}

_SAFE_TO_REPEAT = frozenset({MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT})


def service_config(
    descriptors: Sequence[ServiceDescriptor], *, watches_health: bool = True
) -> dict[str, Any]:
    """Return the gRPC service config: retries for the RPCs whose `idempotency_level` allows it.

    With `watches_health`, a process is left out from when it says that it is to end. Behind a
    sidecar there is no saying whose health that would be.
    """
    retried = _safe(descriptors)
    config: dict[str, Any] = {
        # A name with many addresses, or many of them, is a replicated sibling: spread the calls.
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": _RETRY_BUDGET,
    }
    if watches_health:
        config["healthCheckConfig"] = {"serviceName": ""}
    if retried:
        config["methodConfig"] = [{"name": retried, "retryPolicy": _RETRY_POLICY}]
    return config


def _safe(descriptors: Sequence[ServiceDescriptor]) -> list[dict[str, str]]:
    return [
        {"service": service.full_name, "method": method.name}
        for service in descriptors
        for method in service.methods
        if method.GetOptions().idempotency_level in _SAFE_TO_REPEAT
    ]


def open_channel(
    address: str,
    descriptors: Sequence[ServiceDescriptor],
    *,
    tls: SiblingTls | None = None,
    signer: Signer | None = None,
    behind_sidecar: str | None = None,
) -> grpc.aio.Channel:
    """Open a channel to `address` for the services it will be used for; the caller closes it.

    With several, calls go in turn to those that take connections, and a process that dies costs no
    more than the calls that it had in hand, of which those that are safe to repeat go elsewhere.
    While none of them takes connections, calls wait for a moment before they are sent.
    With `tls`, only the named peer is talked to, and renewed certificates are taken up as they
    come. With `signer`, each request is signed. `behind_sidecar` is the sibling that is meant where
    `address` is that of the own sidecar, which finds it, and tries again in gRPC's stead.
    """
    retried_elsewhere = signer is not None or behind_sidecar is not None
    retried = () if retried_elsewhere else descriptors
    options = _options(service_config(retried, watches_health=behind_sidecar is None))
    if behind_sidecar is not None:
        options = (*options, ("grpc.default_authority", server_name(behind_sidecar)))
    channel: grpc.aio.Channel
    address = target(address)
    if tls is None:
        channel = grpc.aio.insecure_channel(address, options)
    else:
        named = (*options, ("grpc.ssl_target_name_override", tls.server_name))
        channel = RenewedChannel(
            tls.files,
            lambda now: grpc.aio.secure_channel(address, now.for_client(), named),
        )
    waiting = WaitingChannel(channel)
    return waiting if signer is None else SignedChannel(waiting, signer, safe_paths(descriptors))


def target(address: str) -> str:
    """Return what gRPC takes for an address of a setting, where those may be several."""
    several = each_address(address)
    if len(several) == 1:
        return address
    return f"{'ipv6' if address.startswith('[') else 'ipv4'}:{joined(several)}"


def safe_paths(descriptors: Sequence[ServiceDescriptor]) -> list[str]:
    """Return the paths of the RPCs that may be called twice, by their `idempotency_level`."""
    return [f"/{name['service']}/{name['method']}" for name in _safe(descriptors)]


def _options(config: Mapping[str, Any]) -> tuple[tuple[str, str | int], ...]:
    return (
        ("grpc.service_config", json.dumps(config)),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_WAIT_MS),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_WAIT_MS),
        ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    )
