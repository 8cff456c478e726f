"""The bus is gone, or a process that speaks to it: nothing acknowledged is lost."""

import os
import signal

import pytest

from tests.chaos.conftest import DEADLINE_S, Faults, until, within
from tests.e2e.acting import acknowledged, eventually, follow, home, home_or_none, post, user

SWEEP_S = 45


def test_killed_between_commit_and_publish(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    assert home(mesh, bob) == []
    until(faults.is_settled)
    with faults.valkey("bus") as bus:
        # The server answers, and takes no message: what is acknowledged now is in the outbox only.
        bus.config_set("maxmemory", "1")
        try:
            with within(DEADLINE_S):
                tweet = post(mesh, ada)
            assert faults.count("tweet", "tweet_outbox") > 0
            os.kill(faults.pid("tweet"), signal.SIGKILL)
            assert bus.xlen("bus:{fanout.plan}") == 0
        finally:
            bus.config_set("maxmemory", "0")
    eventually(lambda: home(mesh, bob), [tweet], within_s=SWEEP_S)
    until(lambda: faults.count("tweet", "tweet_outbox") == 0)
    until(lambda: faults.hot_home(bob) == [tweet])


@pytest.mark.parametrize("outage", ["stopped", "killed"])
def test_bus_gone(faults: Faults, outage: str) -> None:
    mesh = faults.mesh
    ada, bob, eve = user(mesh), user(mesh), user(mesh)
    follow(mesh, bob, ada)
    before = post(mesh, ada)
    for viewer in (bob, eve):
        home(mesh, viewer)
    eventually(lambda: home(mesh, bob), [before])
    bus = faults.valkey_pid("bus")
    with faults.stopped(bus):
        with within(DEADLINE_S):
            during = post(mesh, ada)
            follow(mesh, eve, ada)
        # What needs no message is not late either.
        assert home(mesh, ada) == [during, before]
        if outage == "killed":
            os.kill(bus, signal.SIGKILL)
    eventually(lambda: home(mesh, bob), [during, before], within_s=SWEEP_S)
    eventually(lambda: home(mesh, eve), [during, before], within_s=SWEEP_S)


def test_tweet_starts_while_the_bus_is_gone(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    until(faults.is_settled)
    with faults.stopped(faults.valkey_pid("bus")):
        os.kill(faults.pid("tweet"), signal.SIGKILL)
        until(lambda: not faults.is_ready())
        kept: list[int] = []
        until(lambda: acknowledged(mesh, ada, kept), within_s=30)
    eventually(lambda: home_or_none(mesh, bob), kept, within_s=SWEEP_S)
