"""A real Prometheus watches a real Aviary under load: every query there is gives values."""

import contextlib
import json
import math
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.local.scrape_targets import TARGETS_FILE
from services.platform.config.settings import DEFAULT_ADDRESSES
from tests.e2e.acting import follow, user
from tests.e2e.conftest import Mesh, start, stop
from tests.observability.promql import operands, selectors
from tests.processes import free_port, kill_group, spawn
from tools.observability.__main__ import run_prometheus_argv
from tools.observability.boards import BOARDS
from tools.observability.rules import rule_file
from tools.observability.series import documented

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(400)]

WITHIN_S = 90.0
POLL_S = 0.5
INTERVAL = "1s"
PACE_S = 0.05
WINDOW = "1m"
"""What Grafana would fill in."""
PAUSE_MS = 3_000
"""Longer than a read waits for the cache."""


class Prometheus:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(path, params=parameters)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    def values(self, query: str) -> list[float]:
        """Of an instant query, but for those that are no number."""
        data = self.get("/query", query=query)
        samples = [data] if data["resultType"] == "scalar" else data["result"]
        raw = [each[1] if data["resultType"] == "scalar" else each["value"][1] for each in samples]
        return [value for value in map(float, raw) if not math.isnan(value)]


class Load:
    """Reads, posts and follows until stopped; what fails is what the test has broken."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._client = httpx.Client(base_url=mesh.rest.base_url, auth=mesh.rest.auth, timeout=10)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.statuses: set[int] = set()
        # One who is followed by few, one by more than the threshold of the tests' systems.
        self.author, self.celebrity = user(mesh), user(mesh)
        self.readers = [user(mesh) for _ in range(4)]
        for reader in self.readers:
            follow(mesh, reader, self.celebrity)
        for reader in self.readers[:2]:
            follow(mesh, reader, self.author)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for author in (self.author, self.celebrity):
                self._note("POST", "/v1/tweets", json={"user_id": author, "text": "hello"})
            for reader in self.readers:
                self._note("GET", "/v1/timeline/home", params={"user_id": reader})
            self._note("GET", "/v1/timeline/user", params={"user_id": self.author})
            self._note("GET", "/v1/tweets/1")
            # The machine has other work too.
            self._stopping.wait(PACE_S)

    def _note(self, method: str, path: str, **arguments: Any) -> None:
        with contextlib.suppress(httpx.TransportError):
            self.statuses.add(self._client.request(method, path, **arguments).status_code)


@dataclass(frozen=True, slots=True)
class Watched:
    mesh: Mesh
    prometheus: Prometheus
    load: Load


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    data_dir = tmp_path_factory.mktemp("watched") / "data"
    mesh = start(data_dir)
    try:
        port = free_port()
        prometheus = spawn(run_prometheus_argv(data_dir / TARGETS_FILE.parent, port, INTERVAL))
        try:
            load = Load(mesh)
            load.start()
            try:
                _until(lambda: _answers(port))
                with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
                    yield Watched(mesh, Prometheus(client), load)
            finally:
                load.stop()
        finally:
            kill_group(prometheus)
    finally:
        assert stop(mesh) == 0


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == httpx.codes.OK
    return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(POLL_S)


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

    _until(lambda: up() == jobs)


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
    _until(lambda: mesh.rest.get("/healthz").status_code == httpx.codes.OK)


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
        wanted |= {f"count({_present(each)})" for each in selectors(rule["expr"])}
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


def _present(selector: str) -> str:
    """Envoy has a counter for each code of gRPC, from the first answer with it on."""
    return re.sub(r"^envoy_cluster_grpc_\d+\b", "envoy_cluster_grpc_14", selector)


def test_clients_cannot_create_counters(watched: Watched) -> None:
    for service in ("aviary.tweet.v1.TweetService", "aviary.fanout.v1.FanoutService", "made.Up"):
        watched.mesh.rest.post(f"/{service}/MadeUp", headers={"content-type": "application/grpc"})
    # Counters, unlike histograms, are there at once.
    targets = (watched.mesh.data_dir / TARGETS_FILE).read_text()
    figures = httpx.get(f"http://{_target(targets, 'edge')}/metrics").text
    assert 'envoy_grpc_bridge_method="CreateTweet"' in figures
    assert "MadeUp" not in figures


def _target(targets: str, job: str) -> str:
    (found,) = (each for each in json.loads(targets) if each["labels"]["job"] == job)
    address: str = found["targets"][0]
    return address


def test_what_is_not_measured_gives_no_values(watched: Watched) -> None:
    assert watched.prometheus.values("count(rpc_server_duration_seconds_count)")
    assert not watched.prometheus.values("count(rpc_server_duration_second_count)")
