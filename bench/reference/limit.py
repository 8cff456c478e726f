"""The limit: what any Python gRPC service behind Envoy can reach at most, answering the same bytes.

A service that does nothing, behind an Envoy with a transcoder and a router and no other filter, all
in plaintext. Nothing that keeps Aviary's promises can be faster on the same way, but by leaving
Envoy less to translate: here it makes JSON of every answer.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.costs import cpu_seconds_of
from bench.errors import BenchError
from bench.reference.contracts import translated_by_the_edge
from gateway.envoy import GENERATED
from gateway.envoy_binary import envoy_binary
from services.local.readiness import HOST, free_ports

__all__ = ["Limit", "ended", "listening", "running", "wait_until"]

READY_S = 60.0
POLL_S = 0.05
STOP_S = 30.0
_API = "type.googleapis.com/envoy"
_SERVICE = "noop"


@dataclass(frozen=True, slots=True)
class Limit:
    """The running limit."""

    port: int
    """Of its Envoy."""
    grpc_port: int
    """Of its service."""
    _envoy: int
    _service: int

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return {
            "envoy": cpu_seconds_of(self._envoy),
            _SERVICE: cpu_seconds_of(self._service),
        }


@contextlib.contextmanager
def running(folder: Path, answers: Mapping[str, Sequence[bytes]]) -> Iterator[Limit]:
    """Run the limit; `answers` are encoded responses by the path of their RPC, and take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    port, grpc_port = free_ports(2)
    said = folder / "answers.json"
    encoded = {rpc: [b64encode(one).decode() for one in each] for rpc, each in answers.items()}
    said.write_text(json.dumps(encoded))
    contracts = folder / "contracts.pb"
    contracts.write_bytes(translated_by_the_edge((GENERATED / "descriptor.pb").read_bytes()))
    config = folder / "limit.json"
    config.write_text(
        json.dumps(_bootstrap(port, grpc_port, contracts, {_service_of(rpc) for rpc in answers}))
    )
    with (folder / "limit.log").open("ab") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "bench.reference.noop", str(grpc_port), str(said)],
            stdout=log,
            stderr=log,
        )
        threads = ["--concurrency", str(os.cpu_count() or 1)]
        envoy = subprocess.Popen(
            [envoy_binary(), "-c", str(config), "--disable-hot-restart", *threads],
            stdout=log,
            stderr=log,
        )
    try:
        listening(service, grpc_port, folder / "limit.log")
        listening(envoy, port, folder / "limit.log")
        yield Limit(port, grpc_port, envoy.pid, service.pid)
    finally:
        ended(envoy, service)


def listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a process takes connections. Raises `BenchError`."""

    def connects() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return True
        return False

    wait_until(connects, process, log)


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something is so, while a process lives. Raises `BenchError`."""
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(POLL_S)
    raise BenchError(f"a reference does not start: {log.read_text()[-2000:]}")


def ended(*processes: subprocess.Popen[bytes]) -> None:
    """End processes that hold nothing worth an orderly end."""
    for one in processes:
        one.terminate()
    for one in processes:
        try:
            one.wait(STOP_S)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait(STOP_S)


def _service_of(rpc: str) -> str:
    return rpc.split("/")[1]


def _bootstrap(port: int, grpc_port: int, contracts: Path, services: set[str]) -> dict[str, Any]:
    transcoder = _typed(
        "extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(contracts),
        services=sorted(services),
        convert_grpc_status=True,
        print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
    )
    manager = _typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="limit",
        http_filters=[
            {"name": "transcoder", "typed_config": transcoder},
            {"name": "router", "typed_config": _typed("extensions.filters.http.router.v3.Router")},
        ],
        route_config={
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": _SERVICE}}],
                }
            ]
        },
    )
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "limit",
                    "address": _address(port),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": _SERVICE,
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": _SERVICE,
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": _address(grpc_port)}}]}
                        ],
                    },
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _typed(
                            "extensions.upstreams.http.v3.HttpProtocolOptions",
                            explicit_http_config={"http2_protocol_options": {}},
                        )
                    },
                }
            ],
        }
    }


def _typed(kind: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a message of Envoy's
    return {"@type": f"{_API}.{kind}", **fields}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
