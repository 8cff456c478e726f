"""The table names every endpoint, and keeps the promises it is read by."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from gateway.envoy.config import own_contracts
from gateway.envoy.shared_limits import PLAIN, READS
from gateway.limits.budgets import (
    Age,
    EndpointClass,
    Reputation,
    SlidingWindow,
    TokenBucket,
    WithoutValkey,
    divisor,
    shrunk,
)
from gateway.limits.reference import page, rest_paths
from gateway.limits.table import CLASSES, by_name

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTORS = FileDescriptorSet.FromString((ROOT / "gen" / "descriptor.pb").read_bytes())
PATHS = rest_paths(DESCRIPTORS)


def test_every_public_rpc_is_in_one_class() -> None:
    listed = [rpc for one in CLASSES for rpc in one.rpcs]
    assert sorted(listed) == sorted(PATHS)


def test_reads_are_known_by_their_names() -> None:
    for one in CLASSES:
        for rpc in one.rpcs:
            is_read = PATHS[rpc].startswith("GET ")
            assert bool(re.fullmatch(READS, f"/{rpc}")) == is_read
            assert not is_read or one.without_valkey is WithoutValkey.NOT_ASKED


def test_a_change_that_keeps_its_path_of_rest_is_counted_for_all_edges() -> None:
    kept = [rpc for rpc in own_contracts().public if rpc.over_http and rpc.verb != "GET"]
    assert kept
    shared = {rpc for one in CLASSES if one.is_shared for rpc in one.rpcs}
    for rpc in kept:
        assert rpc.name in shared
        for path in (rpc.template, f"{rpc.template}?&"):
            assert not re.fullmatch(f"{READS}|{PLAIN}", path)


def test_plain_paths_are_distinguished_from_rpcs_and_never_open() -> None:
    for one in CLASSES:
        assert not any(re.fullmatch(PLAIN, f"/{rpc}") for rpc in one.rpcs)
        assert all(re.fullmatch(PLAIN, path) for path in one.paths)
        assert not one.paths or one.without_valkey is not WithoutValkey.OPEN


@pytest.mark.parametrize("name", ["sign-up", "log-in", "token"])
def test_without_valkey_nobody_signs_up_or_logs_in(name: str) -> None:
    assert by_name()[name].without_valkey is WithoutValkey.CLOSED


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.name)
def test_burst_is_faster_and_smaller_than_sustained(one: EndpointClass) -> None:
    for budgets in one.budgets.values():
        (burst, per), (sustained, span) = map(_figures, (budgets.burst, budgets.sustained))
        assert burst < sustained
        assert burst / per > sustained / span
        assert budgets.why


def _figures(budget: TokenBucket | SlidingWindow) -> tuple[int, int]:
    if isinstance(budget, TokenBucket):
        return budget.capacity, budget.refill_s
    return budget.limit, budget.window_s


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.name)
def test_new_and_bad_subjects_get_less_and_never_nothing(one: EndpointClass) -> None:
    for budgets in one.budgets.values():
        for _, budget in budgets.named():
            last = _figures(budget)[0] + 1
            for reputation in Reputation:
                now = _figures(shrunk(budget, divisor(one, Age.NEW, reputation)))[0]
                assert 1 <= now <= last
                last = now


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=200),
)
def test_the_bucket_of_a_window_holds_for_every_span(
    limit: int, window: int, pauses: list[float]
) -> None:
    bucket = SlidingWindow(limit, window).as_bucket()
    tokens, now, passed = float(bucket.capacity), 0.0, []
    for pause in pauses:
        now += pause
        tokens = min(bucket.capacity, tokens + pause * bucket.capacity / bucket.refill_s)
        if tokens >= 1:
            tokens -= 1
            passed.append(now)
    most = max(1, 2 * bucket.capacity)
    for start in passed:
        assert sum(start <= one < start + window for one in passed) <= most
    assert most <= max(limit, 2)


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "reference" / "rate-limits.md").read_text() == page(DESCRIPTORS)
