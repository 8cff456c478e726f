"""Whether the service in this container is healthy, for engines that can only run a command.

aviary-probe    # exit code 0 when AVIARY_PROBE_ADDRESS answers SERVING, else 1

A kubelet asks for itself and needs no process for it.
"""

import argparse
import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.config.settings import Settings, SettingsError
from services.platform.observability.version import aviary_version

__all__ = ["main"]

TIMEOUT_S = 2.0
"""A process that takes longer to say that it lives is of no use to a caller."""


def main() -> int:
    """Ask once; return the exit code."""
    _read_arguments()
    try:
        address = Settings.from_environment(os.environ).probe_address
    except SettingsError as error:
        return _unhealthy(str(error))
    if address is None:
        return _unhealthy("AVIARY_PROBE_ADDRESS is not set")
    # 0.0.0.0 is where it listens, and as an address to dial it is this host.
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
            )
        except grpc.RpcError as error:
            return _unhealthy(error.code().name)
    serving = health_pb2.HealthCheckResponse.SERVING
    return 0 if answer.status == serving else _unhealthy("NOT_SERVING")


def _read_arguments() -> None:
    """Take none but those that every program has; ends the process at these, and at others."""
    parser = argparse.ArgumentParser(
        prog="aviary-probe",
        description="Ask whether the service in this container is healthy: exit code 0 when "
        "AVIARY_PROBE_ADDRESS answers SERVING, else 1.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {aviary_version()}")
    parser.parse_args()


def _unhealthy(why: str) -> int:
    sys.stderr.write(f"unhealthy: {why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
