"""Each service level's alert fires in a real Prometheus when its service is made bad, and clears.

By the rules as they are, but for their windows and waits, which are shortened alike.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.platform.config.settings import DEFAULT_ADDRESSES
from tests.observability.alerting import (
    clears,
    fires,
    firing,
    has_ended,
    has_fired,
    short_rules,
)
from tests.observability.faults.processes import calling, hung, posting, slow
from tests.observability.watching import Watched, until, watching

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("alerts")
    rules = folder / "rules.yml"
    rules.write_text(short_rules())
    with watching(folder, rules) as running:
        yield running


def test_readers_who_wait_burn_the_wide_budget_too(watched: Watched) -> None:
    """No more than all can be bad, so of its alerts there is the slowest alone."""
    ticket = {"alertname": "SloBurn", "slo": "home-read-latency-fast", "window": "3d"}
    has_ended(watched, [ticket])
    began = time.monotonic()
    home: dict[str, Any] = {"method": "GET", "params": {"user_id": watched.load.readers[0]}}
    with calling(watched, "/v1/timeline/home", **home):
        with hung(watched, "timeline"):
            has_fired(watched, [ticket], began)
        # Good reads make it good again.
        has_ended(watched, [ticket])


def test_a_service_that_hangs_burns_what_it_serves(watched: Watched) -> None:
    levels = ("edge-availability", "home-read-latency")
    clears(watched, *levels)
    with hung(watched, "timeline"):
        fires(watched, *levels)
    clears(watched, *levels)


def test_an_issuer_that_hangs_burns_availability(watched: Watched) -> None:
    """It speaks HTTP, which no figure of gRPC has."""
    clears(watched, "edge-availability")
    with (
        calling(watched, "/oauth/token", data={"grant_type": "password"}),
        hung(watched, "identity"),
    ):
        fires(watched, "edge-availability")
    clears(watched, "edge-availability")


def test_slow_posts_burn_theirs(watched: Watched) -> None:
    clears(watched, "tweet-create-latency")
    with posting(watched), slow(watched, "tweet"):
        fires(watched, "tweet-create-latency")
    clears(watched, "tweet-create-latency")


def test_a_fan_out_that_does_nothing_burns_its_own(watched: Watched) -> None:
    clears(watched, "fanout-lag")
    with hung(watched, "fanout"):
        fires(watched, "fanout-lag")
    clears(watched, "fanout-lag")


def test_alerts_of_what_runs_out_have_something_to_look_at(watched: Watched) -> None:
    """They are quiet, as there is enough, and not for want of figures."""
    quiet = {"CertificateExpires", "DiskFills", "ValkeyFills", "ValkeyEvicts"}
    assert not quiet - {"DiskFills"} & {each["alertname"] for each in firing(watched)}
    for query, jobs in (
        ("count by (job) (certificate_remaining_seconds)", len(DEFAULT_ADDRESSES)),
        ("count by (job) (disk_free)", len(DEFAULT_ADDRESSES)),
        ("count by (store) (valkey_memory)", 2),
        ("count by (store) (valkey_evicted_total)", 2),
        ("count by (job) (aviary_build_info)", len(DEFAULT_ADDRESSES)),
        ("envoy_server_days_until_first_cert_expiring", 1),
    ):
        until(
            lambda query=query, jobs=jobs: len(watched.prometheus.values(query)) == jobs,  # type: ignore[misc]
            say=lambda query=query: (query, watched.prometheus.values(query)),  # type: ignore[misc]
        )
