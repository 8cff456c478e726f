"""Services that hang for good: they are found, and started again, without anybody's doing."""

import os
import signal

import pytest

from services.platform.runtime.liveness import FOUND_WITHIN_S, HUNG_GRACE_S
from tests.chaos.conftest import Faults, until
from tests.e2e.acting import acknowledged, eventually, halt, home_or_none, post, user

STARTED_S = 10.0
"""What a restart takes beside that, on a machine that is busy with other tests."""
WITHIN_S = FOUND_WITHIN_S + HUNG_GRACE_S + STARTED_S


@pytest.mark.parametrize("service", ["tweet", "gateway"])
def test_a_service_that_hangs_serves_again(faults: Faults, service: str) -> None:
    mesh = faults.mesh
    author = user(mesh)
    kept = [post(mesh, author)]
    first = halt(mesh, service)
    until(lambda: mesh.children().get(service, first) != first, within_s=WITHIN_S)
    until(lambda: acknowledged(mesh, author, kept), within_s=WITHIN_S)
    eventually(lambda: home_or_none(mesh, author), kept[::-1], within_s=WITHIN_S)


def test_a_bus_that_hangs_carries_again(faults: Faults) -> None:
    mesh = faults.mesh
    author = user(mesh)
    kept = [post(mesh, author)]
    os.kill(first := faults.valkey_pid("bus"), signal.SIGSTOP)
    # It is in the outbox, and comes to the bus once that is there.
    assert acknowledged(mesh, author, kept)
    until(lambda: faults.valkey_pid("bus") != first, within_s=WITHIN_S)
    until(faults.is_settled, within_s=WITHIN_S)
    eventually(lambda: home_or_none(mesh, author), kept[::-1], within_s=WITHIN_S)


def test_one_that_hangs_until_callers_notice_is_left_alone(faults: Faults) -> None:
    first = faults.pid("user")
    with faults.stopped(first):
        until(lambda: not faults.is_served(), within_s=WITHIN_S)
    until(faults.is_settled)
    assert faults.pid("user") == first
