"""Google's emulators, found as `up --emulators` finds them; without them tests skip and say so.

Where REQUIRE_EMULATORS=1, they fail instead.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from services.local.emulators import bigtable_argv, pubsub_argv, sdk_root
from services.local.errors import StartError
from tests.processes import free_port, kill_group, spawn, wait_for_port

__all__ = ["bigtable_emulator", "pubsub_emulator", "require_emulators"]


def require_emulators() -> None:
    """Skip, or fail, where one of the two is missing."""
    missing = _missing()
    if missing and os.environ.get("REQUIRE_EMULATORS") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


@cache
def _missing() -> str:
    try:
        sdk = sdk_root()
        bigtable_argv(sdk, 0)
        pubsub_argv(sdk, 0)
    except StartError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def bigtable_emulator() -> Iterator[str]:
    """Address of an emulator of the module's own; synchronous, so that no loop scope matters."""
    require_emulators()
    port = free_port()
    yield from _running(bigtable_argv(sdk_root(), port), port)


@pytest.fixture(scope="module")
def pubsub_emulator() -> Iterator[str]:
    """Address of a Pub/Sub emulator, likewise the module's own."""
    require_emulators()
    port = free_port()
    yield from _running(pubsub_argv(sdk_root(), port), port)


def _running(command: Sequence[str], port: int) -> Iterator[str]:
    process = spawn(command)
    try:
        wait_for_port(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        kill_group(process)
