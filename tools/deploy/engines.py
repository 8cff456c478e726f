"""Engines for a laptop, as containers: Valkey, and Google's emulators.

The compose file and the dev overlay start the same ones.
"""

from dataclasses import dataclass
from typing import Final

from services.local.valkeys import BUS_OPTIONS, CACHE_MEMORY, CACHE_OPTIONS

__all__ = ["EMULATORS_IMAGE", "ENGINES", "PROJECT", "VALKEY_IMAGE", "Engine"]

VALKEY_IMAGE: Final = "valkey/valkey:9-alpine"
EMULATORS_IMAGE: Final = "google/cloud-sdk:emulators"
NEVER_EVICTS: Final = ("--maxmemory", CACHE_MEMORY, "--maxmemory-policy", "noeviction")
PROJECT: Final = "aviary-dev"
"""Of no meaning: the emulators take any, gcloud and the clients want one."""
VALKEY_PORT: Final = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One container; without a volume it forgets everything."""

    name: str
    image: str
    command: tuple[str, ...]
    port: int
    health: tuple[str, ...]
    opened_as: str
    """The `uses` label of who needs it."""


def _valkey(name: str, *options: str) -> Engine:
    return Engine(
        name=name,
        image=VALKEY_IMAGE,
        command=("valkey-server", "--port", str(VALKEY_PORT), "--dir", "/data", *options),
        port=VALKEY_PORT,
        health=("valkey-cli", "ping"),
        opened_as="cache",
    )


def _emulator(name: str, port: int, opened_as: str) -> Engine:
    start = ("gcloud", "beta", "emulators", name, "start", f"--host-port=0.0.0.0:{port}")
    return Engine(
        name=name,
        image=EMULATORS_IMAGE,
        command=(*start, f"--project={PROJECT}"),
        port=port,
        health=("bash", "-c", f"</dev/tcp/127.0.0.1/{port}"),
        opened_as=opened_as,
    )


ENGINES: Final = (
    _valkey("cache", *CACHE_OPTIONS),
    # What remembers signed requests must not evict; with Valkey as the bus it is the same server.
    _valkey("nonces", *BUS_OPTIONS, *NEVER_EVICTS),
    _emulator("bigtable", 8086, "rows"),
    _emulator("pubsub", 8085, "bus"),
)
