"""A real Prometheus watches a real Aviary under load: every query there is gives values."""

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from services.platform.config.settings import DEFAULT_ADDRESSES
from tests.observability.promql import operands, selectors
from tests.observability.watching import POLL_S, WITHIN_S, Prometheus, Watched, until, watching
from tools.observability.boards import BOARDS
from tools.observability.rules import rule_file
from tools.observability.series import documented

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(400)]

WINDOW = "1m"
"""What Grafana would fill in."""
PAUSE_MS = 3_000
"""Longer than a read waits for the cache."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched")) as running:
        yield running


def _all_give_values(prometheus: Prometheus, wanted: set[str]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while wanted := {query for query in wanted if not prometheus.values(query)}:
        assert time.monotonic() < deadline, "\n".join(["no values:", *sorted(wanted)])
        time.sleep(POLL_S)


def test_every_process_is_scraped(watched: Watched) -> None:
    jobs = {*DEFAULT_ADDRESSES, "edge"}

    def up() -> set[str]:
        targets = watched.prometheus.get("/targets")["activeTargets"]
        return {each["labels"]["job"] for each in targets if each["health"] == "up"}

    until(lambda: up() == jobs)


def test_faults_that_later_queries_need_are_caused(watched: Watched) -> None:
    """Some queries have values only after an outage; the tests after this one read them."""
    mesh, load = watched.mesh, watched.load
    with mesh.valkey("cache") as cache:
        cache.client_pause(PAUSE_MS)
    # A post asks the user service who the author is. It may be back too soon for one of them to
    # notice, so it is sent away until one has.
    deadline = time.monotonic() + WITHIN_S
    while httpx.codes.SERVICE_UNAVAILABLE not in load.statuses:
        assert time.monotonic() < deadline, load.statuses
        children = mesh.children()
        if "user" in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(children["user"], signal.SIGKILL)
        time.sleep(POLL_S)
    until(lambda: mesh.rest.get("/healthz").status_code == httpx.codes.OK)


def test_every_metric_is_there_under_its_name(watched: Watched) -> None:
    wanted = {
        f"count({each.series}{'_bucket' if each.kind == 'Histogram' else ''})"
        for each in documented()
    }
    _all_give_values(watched.prometheus, wanted)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_panel_shows_something(watched: Watched, board: Any) -> None:
    queries = [query for panel in board.panels for query in panel.queries]
    _all_give_values(
        watched.prometheus,
        {each.expression.replace("$__rate_interval", WINDOW) for each in queries},
    )
    # Each legend's labels are those that the query leaves.
    for query in queries:
        labels = set(re.findall(r"{{(\w+)}}", query.legend))
        expression = query.expression.replace("$__rate_interval", WINDOW)
        data = watched.prometheus.get("/query", query=expression)
        assert all(labels <= each["metric"].keys() for each in data["result"]), query


def test_every_rule_has_what_it_looks_at(watched: Watched) -> None:
    rules = [rule for group in rule_file()["groups"] for rule in group["rules"]]
    wanted: set[str] = set()
    for rule in rules:
        wanted |= {f"count({each})" for each in selectors(rule["expr"])}
        if "record" in rule:
            wanted.add(rule["record"])
        else:
            wanted |= set(operands(rule["expr"]))
    _all_give_values(watched.prometheus, wanted)
    loaded = [
        rule for group in watched.prometheus.get("/rules")["groups"] for rule in group["rules"]
    ]
    assert len(loaded) == len(rules)
    assert {rule["health"] for rule in loaded} == {"ok"}, loaded


def test_clients_cannot_create_counters(watched: Watched) -> None:
    for service in ("aviary.tweet.v1.TweetService", "aviary.fanout.v1.FanoutService", "made.Up"):
        watched.mesh.rest.post(f"/{service}/MadeUp", headers={"content-type": "application/grpc"})
    # Counters, unlike histograms, are there at once.
    targets = (watched.mesh.data_dir / TARGETS_FILE).read_text()
    figures = httpx.get(f"http://{_target(targets, 'edge')}/metrics").text
    assert 'rpc="aviary.tweet.v1.TweetService/CreateTweet"' in figures
    assert "MadeUp" not in figures


def _target(targets: str, job: str) -> str:
    (found,) = (each for each in json.loads(targets) if each["labels"]["job"] == job)
    address: str = found["targets"][0]
    return address


def test_what_is_not_measured_gives_no_values(watched: Watched) -> None:
    assert watched.prometheus.values("count(rpc_server_duration_seconds_count)")
    assert not watched.prometheus.values("count(rpc_server_duration_second_count)")
