"""Each service level's alert fires in a real Prometheus when its service is made bad, and clears.

By the rules as they are, but for their windows and waits, which are shortened alike.
"""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import yaml

from tests.observability.watching import Prometheus, Watched, until, watching
from tools.observability.rules import rule_file

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(600)]

SHORTER = 20
"""Five minutes become a quarter of one, in which Envoy brings its histograms up three times."""
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
CALLERS, CALL_PAUSE_S = 12, 0.1
FIRES_WITHIN_S = 120.0
CLEARS_WITHIN_S = 180.0
HELD_S, LET_GO_S = 0.5, 0.1
"""A service that is stopped for longer than any objective, again and again, and never for so long
that it is taken for dead."""


def shortened(rules: Any) -> Any:
    """The same rules with all their times divided."""
    text = yaml.safe_dump(rules, width=10_000)
    text = re.sub(r"\[(\d+)([smhd])\]", lambda at: f"[{_shorter(at)}]", text)
    text = re.sub(r"\bfor: (\d+)([smhd])\b", lambda at: f"for: {_shorter(at)}", text)
    return yaml.safe_load(text)


def _shorter(at: re.Match[str]) -> str:
    return f"{max(1, int(at[1]) * SECONDS[at[2]] // SHORTER)}s"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("alerts")
    rules = folder / "rules.yml"
    rules.write_text(yaml.safe_dump(shortened(rule_file()), width=10_000))
    with watching(folder, rules) as running:
        yield running


def firing(prometheus: Prometheus) -> set[str]:
    """Names of alerts that fire; of service levels the level's, where its fastest page fires."""
    alerts = [each for each in prometheus.get("/alerts")["alerts"] if each["state"] == "firing"]
    names = {each["labels"]["alertname"] for each in alerts} - {"SloBurn"}
    slow = [each["labels"] for each in alerts if each["labels"]["alertname"] == "SloBurn"]
    return names | {each["slo"] for each in slow if each["window"] == "1h"}


def fires(watched: Watched, *wanted: str) -> None:
    def holds() -> bool:
        return set(wanted) <= firing(watched.prometheus)

    until(holds, FIRES_WITHIN_S, lambda: (wanted, firing(watched.prometheus), _levels(watched)))


def clears(watched: Watched, *wanted: str) -> None:
    def holds() -> bool:
        return not set(wanted) & firing(watched.prometheus)

    until(holds, CLEARS_WITHIN_S, lambda: (wanted, firing(watched.prometheus), _levels(watched)))


def _levels(watched: Watched) -> Any:
    return watched.prometheus.get("/query", query="slo:bad_requests:ratio_rate5m")["result"]


@contextmanager
def stopped(watched: Watched, service: str) -> Iterator[None]:
    """It neither answers nor ends."""
    process = watched.mesh.children()[service]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def calling(watched: Watched, path: str, **arguments: Any) -> Iterator[None]:
    """Callers enough for the good requests of before to be few, who do not wait for each other."""
    ending, rest = threading.Event(), watched.mesh.rest

    def call() -> None:
        with httpx.Client(base_url=rest.base_url, headers=rest.headers, timeout=10) as client:
            while not ending.is_set():
                with contextlib.suppress(httpx.TransportError):
                    client.post(path, **arguments)
                ending.wait(CALL_PAUSE_S)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
    for each in callers:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in callers:
            each.join()


@contextmanager
def slow(watched: Watched, service: str) -> Iterator[None]:
    """It works a seventh of the time."""
    process, ending = watched.mesh.children()[service], threading.Event()

    def hold() -> None:
        while not ending.is_set():
            os.kill(process, signal.SIGSTOP)
            ending.wait(HELD_S)
            os.kill(process, signal.SIGCONT)
            ending.wait(LET_GO_S)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        os.kill(process, signal.SIGCONT)


def test_a_service_that_hangs_burns_what_it_serves(watched: Watched) -> None:
    levels = ("edge-availability", "home-read-latency")
    clears(watched, *levels, "EdgeFailures")
    with stopped(watched, "timeline"):
        fires(watched, *levels, "EdgeFailures")
    clears(watched, *levels, "EdgeFailures")


def test_an_issuer_that_hangs_burns_availability(watched: Watched) -> None:
    """It speaks HTTP, which no figure of gRPC has."""
    clears(watched, "edge-availability")
    with (
        calling(watched, "/oauth/token", data={"grant_type": "password"}),
        stopped(watched, "identity"),
    ):
        fires(watched, "edge-availability")
    clears(watched, "edge-availability")


def test_slow_posts_burn_theirs(watched: Watched) -> None:
    clears(watched, "tweet-create-latency")
    body = {"user_id": watched.load.author, "text": "hello"}
    with calling(watched, "/v1/tweets", json=body), slow(watched, "tweet"):
        fires(watched, "tweet-create-latency")
    clears(watched, "tweet-create-latency")


def test_a_fan_out_that_does_nothing_burns_its_own(watched: Watched) -> None:
    clears(watched, "fanout-lag")
    with stopped(watched, "fanout"):
        fires(watched, "fanout-lag")
    clears(watched, "fanout-lag")


def test_alerts_of_what_runs_out_have_something_to_look_at(watched: Watched) -> None:
    """They are quiet, as there is enough, and not for want of figures."""
    quiet = {"CertificateExpires", "DiskFills", "ValkeyFills", "ValkeyEvicts"}
    assert not quiet - {"DiskFills"} & firing(watched.prometheus)
    for query, jobs in (
        ("count by (job) (certificate_remaining_seconds)", 8),
        ("count by (job) (disk_free)", 8),
        ("count by (store) (valkey_memory)", 2),
        ("count by (store) (valkey_evicted_total)", 2),
        ("count by (job) (aviary_build_info)", 8),
        ("envoy_server_days_until_first_cert_expiring", 1),
    ):
        until(
            lambda query=query, jobs=jobs: len(watched.prometheus.values(query)) == jobs,  # type: ignore[misc]
            say=lambda query=query: (query, watched.prometheus.values(query)),  # type: ignore[misc]
        )


def test_shortened_rules_are_the_same_rules() -> None:
    whole, short = rule_file(), shortened(rule_file())
    assert [group["name"] for group in whole["groups"]] == [g["name"] for g in short["groups"]]
    text = yaml.safe_dump(short)
    assert "[15s]" in text
    assert not re.search(r"\[\d+[mhd]\]", text)
