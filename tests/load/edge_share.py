"""How much of the bare throughput of home reads is left with all that the edge does on.

Runs two meshes: one as `make run` starts it, one whose processes talk in plaintext. Envoys of this
benchmark stand before them: `all` with the configuration of the first, whose budgets alone are
raised, so that nobody is slowed; `bare`, before the second, with a transcoder and a router and no
other filter; and some between them, which show what each filter costs. They take turns in one run:

    python -m tests.load.edge_share [--rounds 3] [--seconds 5] [--connections 32]

Each row gives the median over the rounds, and CPU time of Envoy and of the timeline service for a
read, which stays true when the machine is busy with other things.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.envoy import EdgeConfig, bootstrap, process_of, public_services
from gateway.envoy.bootstrap import plain_yaml
from gateway.envoy_binary import envoy_binary
from services.local.operator_file import fetch_token, read_operator
from services.platform.tokens.issuers import embedded_issuer
from tests.e2e.acting import eventually, follow, home, post
from tests.e2e.conftest import Mesh, start, stop
from tests.load.costs import cpu_seconds_of
from tests.processes import free_port

AUTHORS = 20
TWEETS = 60  # more than a page
VIEWERS = 64
PAGE = 50
PLENTY = 2**31  # tokens of a bucket, which nobody uses up
READY_S = 30.0
WARM_UP_S = 2
BARE = ("grpc_json_transcoder", "router")
OPEN = {"unauthenticated": True}
RESULT = re.compile(r"^RESULT (\d+) ([\d.]+) (\d+)$", re.MULTILINE)

Filters = list[dict[str, Any]]
Change = Callable[[Filters], Filters]


SCRIPT = """
local readers = {%(readers)s}
local requests = {}
local turn = 0
function init(args)
  for number, reader in ipairs(readers) do
    local path = "/v1/timeline/home?user_id=" .. reader[1] .. "&limit=%(page)d"
    requests[number] = wrk.format("GET", path, {authorization = "Bearer " .. reader[2]})
  end
end
function request()
  turn = turn %% #requests + 1
  return requests[turn]
end
function done(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %%d %%f %%d\\n", summary.requests, summary.duration / 1e6, bad))
end
"""


@dataclass
class Edge:
    """An Envoy under test, and what was measured of it, a figure for each round."""

    name: str
    url: str
    envoy: int
    timeline: int
    script: Path
    reads_per_s: list[float] = field(default_factory=list)
    envoy_us: list[float] = field(default_factory=list)
    timeline_us: list[float] = field(default_factory=list)

    def measure(self, seconds: int, connections: int) -> None:
        """Read homes for so long."""
        before = cpu_seconds_of(self.envoy), cpu_seconds_of(self.timeline)
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", self.script, self.url]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        found = RESULT.search(said)
        assert found is not None, said
        count, took_s, failed = int(found[1]), float(found[2]), int(found[3])
        if failed:
            sys.exit(f"{self.name}: {failed} of {count} reads failed\n{said}")
        self.reads_per_s.append(count / took_s)
        self.envoy_us.append((cpu_seconds_of(self.envoy) - before[0]) / count * 1e6)
        self.timeline_us.append((cpu_seconds_of(self.timeline) - before[1]) / count * 1e6)

    def forget(self) -> None:
        """Begin anew, warm."""
        for figures in (self.reads_per_s, self.envoy_us, self.timeline_us):
            figures.clear()


@click.command(help=__doc__)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--connections", default=32, show_default=True, type=click.IntRange(2))
def main(rounds: int, seconds: int, connections: int) -> None:
    """Measure, and print a row for each edge."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aviary-")))
        secure = stack.enter_context(mesh(folder / "secure" / "data"))
        plain = stack.enter_context(mesh(folder / "plain" / "data", AVIARY_TLS="off"))
        edges = [
            stack.enter_context(edge(name, of, folder, change, **settings))
            for name, of, change, settings in (
                ("all", secure, _everything, {}),
                ("no limits", secure, _everything, {"limits": False}),
                ("no limits, no tokens", secure, _everything, {"limits": False, **OPEN}),
                ("mTLS alone", secure, _bare, {"limits": False, **OPEN}),
                ("bare", plain, _bare, {"limits": False, **OPEN}),
            )
        ]
        for one in edges:
            one.measure(WARM_UP_S, connections)
            one.forget()
        for _ in range(rounds):
            for one in edges:
                one.measure(seconds, connections)
        report(edges)


def report(edges: list[Edge]) -> None:
    """Print a row for each edge; the last is what the others are shares of."""
    bare = statistics.median(edges[-1].reads_per_s)
    click.echo(f"{'edge':24}{'reads/s':>9}{'share':>7}{'Envoy us':>10}{'timeline us':>13}")
    for one in edges:
        reads, envoy, timeline = map(
            statistics.median, (one.reads_per_s, one.envoy_us, one.timeline_us)
        )
        click.echo(f"{one.name:24}{reads:9,.0f}{reads / bare:7.2f}{envoy:10.0f}{timeline:13.0f}")


@contextmanager
def mesh(data_dir: Path, **environment: str) -> Iterator[Mesh]:
    """Run a mesh in which all viewers have a full page to read."""
    data_dir.parent.mkdir()
    # Everybody is pushed to; merging celebrities at read has a cost of its own.
    running = start(data_dir, AVIARY_CELEBRITY_THRESHOLD="1000", **environment)
    try:
        users = [_user(running, f"a{number}") for number in range(AUTHORS)]
        viewers = [_user(running, f"v{number}") for number in range(VIEWERS)]
        for viewer in viewers:
            for author in users:
                follow(running, viewer, author)
        for number in range(TWEETS):
            post(running, users[number % AUTHORS], f"tweet {number} of many, none of them long")
        for viewer in viewers:
            eventually(lambda viewer=viewer: len(home(running, viewer)), TWEETS)
        yield running
    finally:
        stop(running)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/healthz").status_code == httpx.codes.OK:
                return
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.1)


def _user(running: Mesh, handle: str) -> int:
    answer = running.rest.post("/v1/users", json={"handle": handle, "display_name": handle})
    answer.raise_for_status()
    return int(answer.json()["user"]["user_id"])


def _everything(filters: Filters) -> Filters:
    return filters


def _bare(filters: Filters) -> Filters:
    return [one for one in filters if one["name"].rpartition(".")[2] in BARE]


@contextmanager
def edge(
    name: str, running: Mesh, folder: Path, change: Change, **settings: bool
) -> Iterator[Edge]:
    """Run an Envoy before the services of the mesh."""
    path = folder / f"{name.replace(' ', '-')}.yaml"
    config = edge_config(running, path, **settings)
    path.write_text(plain_yaml(changed(bootstrap(config), change)))
    argv = [envoy_binary(), "-c", path, "--disable-hot-restart"]
    with path.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{config.listen_port}"
        script = path.with_suffix(".lua")
        script.write_text(_script(running))
        _wait_until_ready(url)
        yield Edge(name, url, process.pid, running.children()["timeline"], script)
    finally:
        process.terminate()
        process.wait()


def edge_config(running: Mesh, path: Path, **settings: bool) -> EdgeConfig:
    """Configure an edge as `make run` configures its own."""
    environment = running.environment("identity")
    certificates = environment.get("AVIARY_TLS_DIR")
    return EdgeConfig(
        listen_port=free_port(),
        admin_socket=str(path.with_suffix(".sock")),
        stats_port=free_port(),
        backends={name: running.address(process_of(name)) for name in public_services()},
        certificates=certificates,
        issuers=(embedded_issuer(environment["AVIARY_ISSUER_URL"]),),
        identity_http=environment["AVIARY_IDENTITY_HTTP_ADDRESS"],
        access_log_path=str(path.with_suffix(".access.log")),
        denials_log_path=str(path.with_suffix(".denials.log")),
        **settings,
    )


def changed(config: dict[str, Any], change: Change) -> dict[str, Any]:
    """Choose among the filters, and give every bucket plenty of tokens."""
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    manager = chain["filters"][0]["typed_config"]
    manager["http_filters"] = change(manager["http_filters"])
    for one in manager["http_filters"]:
        for bucket in one.get("typed_config", {}).get("descriptors", ()):
            bucket["token_bucket"] |= {"max_tokens": PLENTY, "tokens_per_fill": PLENTY}
    if change is _bare:
        _drop_settings_of_filters(manager["route_config"])
    return config


def _drop_settings_of_filters(routes: Any) -> None:
    """Remove what routes say to filters that are not there, at every depth."""
    if isinstance(routes, dict):
        routes.pop("typed_per_filter_config", None)
        for value in routes.values():
            _drop_settings_of_filters(value)
    elif isinstance(routes, list):
        for value in routes:
            _drop_settings_of_filters(value)


def _script(running: Mesh) -> str:
    """Write what wrk runs: each request is another viewer's, with a token of theirs."""
    operator = read_operator(running.data_dir)
    readers = []
    for number in range(VIEWERS):
        handle = f"v{number}"
        found = running.rest.get(f"/v1/users/by/handle/{handle}")
        found.raise_for_status()
        user = found.json()["user"]["user_id"]
        readers.append(f'{{"{user}", "{fetch_token(operator, handle=handle)}"}}')
    return SCRIPT % {"readers": ", ".join(readers), "page": PAGE}


if __name__ == "__main__":
    main()
