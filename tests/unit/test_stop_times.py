"""Whoever kills what does not end waits for longer than a good end may take."""

from pathlib import Path

import yaml

from gateway import draining_envoy, envoy_admin
from gateway.draining_envoy import END_S as ENVOY_END_S
from gateway.envoy import upstreams
from services.local import supervisor
from services.local.child import HURRIED_STOP_S, STOP_TIMEOUT_S
from services.local.edge import DRAIN_S as EDGE_DRAIN_S
from services.local.edge import END_S as EDGE_END_S
from services.platform.bus import receiving
from services.platform.rpc.interceptors import DEFAULT_DEADLINE_S
from services.platform.runtime.ending import (
    CLOSING_S,
    END_WITHIN_S,
    GRACE_S,
    HURRIED_END_S,
    LEAVE_S,
)
from tools.deploy import layout

ROOT = Path(__file__).resolve().parents[2]
EDGE_REQUEST_S = 10
"""What the edge lets a request take."""


def test_a_service_has_time_for_calls_and_then_for_messages() -> None:
    in_hand_s = receiving.WAIT_S + receiving.DRAIN_S
    assert GRACE_S + in_hand_s < END_WITHIN_S
    assert in_hand_s < CLOSING_S


def test_callers_have_left_before_no_more_calls_are_taken() -> None:
    interval_s, again_s = (
        float(each.removesuffix("s"))
        for each in (upstreams.HEALTH_CHECK_INTERVAL, upstreams.UNHEALTHY_INTERVAL)
    )
    assert interval_s + again_s * (upstreams.UNHEALTHY_AFTER - 1) < LEAVE_S
    # What was taken just before has its full time.
    assert DEFAULT_DEADLINE_S < GRACE_S - LEAVE_S


def test_the_supervisor_kills_nothing_that_is_ending() -> None:
    assert STOP_TIMEOUT_S > END_WITHIN_S
    assert EDGE_DRAIN_S > EDGE_REQUEST_S
    assert EDGE_DRAIN_S + EDGE_END_S <= STOP_TIMEOUT_S
    # The kernel ends it no sooner than its last group has had its time.
    assert supervisor.END_WITHIN_S >= supervisor.MAX_GROUPS * STOP_TIMEOUT_S


def test_nor_does_it_after_a_second_signal() -> None:
    # Calls are cut off; for the rest there is as much time as ever.
    assert HURRIED_END_S >= CLOSING_S
    assert HURRIED_STOP_S > HURRIED_END_S
    assert HURRIED_STOP_S > ENVOY_END_S
    assert supervisor.HURRIED_END_S >= supervisor.MAX_GROUPS * HURRIED_STOP_S


def test_an_envoy_has_time_to_end_after_its_drain() -> None:
    # Asked to drain, and how it goes, it may answer late, and then end late.
    assert 2 * envoy_admin.TIMEOUT_S + draining_envoy.TERMINATE_S < ENVOY_END_S
    assert EDGE_END_S > ENVOY_END_S


def test_a_cluster_kills_nothing_that_is_ending() -> None:
    for path in (ROOT / "deploy" / "kubernetes" / "base").glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if document.get("kind") in {"Deployment", "StatefulSet"}:
                pod = document["spec"]["template"]["spec"]
                given_s = pod["terminationGracePeriodSeconds"]
                assert given_s >= layout.DRAIN_DELAY_S + END_WITHIN_S, path.name


def test_docker_kills_nothing_that_is_ending() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())
    given = [each.get("stop_grace_period") for each in compose["services"].values()]
    assert any(given)
    for each in filter(None, given):
        assert int(each.removesuffix("s")) >= END_WITHIN_S
