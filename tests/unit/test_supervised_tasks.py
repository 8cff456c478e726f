"""Every task, thread and poll of the code is one that something watches over."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TASKS: Mapping[str, str] = {
    "services/platform/runtime/background.py": "the one that runs loops",
    "services/platform/runtime/ending.py": "the start of a process, whose end it waits for",
    "services/cli/serving.py": "the drain of a process, whose end it waits for",
    "services/platform/bus/receiving.py": "deliveries in hand; the events that a step waits for",
    "services/engagement/changes.py": "changes of requests, which wait for them",
    "services/graph/changes.py": "changes of requests, which wait for them",
    "services/graph/joined_users.py": "one call for those who wait for it",
    "services/cli/load/loader.py": "a command",
    "services/platform/rpc/http_connection.py": "one call, with which its connection ends",
    "services/platform/rpc/renewed_channel.py": "closes one channel",
    "services/platform/rpc/waiting_channel.py": "calls, and what those wait for; as above",
    "services/tweet/own_timeline.py": "one script for those who wait for it",
    "services/platform/runtime/gathering.py": "one call for many; its callers see how it ends",
    "services/platform/runtime/lasting.py": "bounded work for many; its callers see how it ends",
    "services/timeline/celebrities.py": "one read of a list; its callers see how it ends",
    "services/platform/valkey/breaker.py": "probes until it is answered; the next call begins anew",
    "services/platform/valkey/lines.py": "opens a connection; its callers see how that ends",
    "services/local/child.py": "keeps one child, whatever raises",
    "gateway/draining_envoy.py": "waits for Envoy's end, with which it ends itself",
    "gateway/envoy_processes.py": "waits for the ends of Envoys; as above",
    "services/platform/http/listener.py": "serves; the process is not ready once it has ended",
    "gateway/control_plane/extension_config_service.py": "one stream of an edge",
}
"""Where tasks are made that no loop helper runs, and why each may be."""

POLLS: Mapping[str, str] = {
    "services/cli/load/edge_client.py": "tries of one request; a command",
    "services/cli/operate/run.py": "shows queues until Ctrl-C; a command",
    "services/local/readiness.py": "waits for one start",
    "services/platform/composition/dependencies.py": "waits for one start",
    "services/platform/outbox/waiting.py": "tries of one step, which shows that it goes on",
    "services/platform/rpc/http_listener.py": "waits for the last calls, within a stop",
    "services/platform/rows/sqlite/expiry.py": "one collection, in parts",
    "services/platform/rpc/signed_channel.py": "tries of one call",
    "services/platform/valkey/breaker.py": "the probing, as above",
}
"""Where code sleeps in a `while` that no loop helper runs, and why."""

STARTED_ELSEWHERE: Mapping[str, str] = {
    "services/local/certificates.py": "before and after the processes that `up` starts",
    "services/local/liveness.py": "as above",
    "services/local/supervisor.py": "as above",
    "services/platform/rows/sqlite/rows.py": "open and close, as each row store has",
    "services/platform/outbox/settling.py": "a part of the relay",
    "services/platform/rpc/server.py": "start and stop, as gRPC's own server has",
    "services/platform/runtime/heartbeat.py": "before all others, and until all others have ended",
    "services/platform/runtime/loops.py": "the one place that starts loops",
    "services/platform/rows/sqlite/garbage.py": "a part of the row store",
}
"""Where a loop is made that is not started by `Loops`, and why."""

THREADS: Mapping[str, str] = {
    "services/platform/audit/log.py": "brings entries to the disk; else the process is not ready",
    "services/platform/rows/sqlite/threads.py": "writes; as above",
    "services/search/tantivy_index.py": "does what is waited for, and raises it there",
    "services/local/child.py": "writes a child's log, and never raises",
    "services/platform/observability/prometheus_endpoint.py": "answers Prometheus, which misses it",
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in (*ROOT.glob("services/**/*.py"), *ROOT.glob("gateway/**/*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def called(node: ast.AST) -> str:
    """The last name of a called function, without module or object; empty for other nodes."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def test_no_other_task_or_thread_is_begun() -> None:
    """A loop that nobody watches over would end in silence."""
    found: dict[str, set[str]] = {"task": set(), "thread": set()}
    kinds = {
        **dict.fromkeys(("create_task", "ensure_future", "TaskGroup", "start_soon"), "task"),
        **dict.fromkeys(("Thread", "Timer", "ThreadPoolExecutor"), "thread"),
    }
    for path, tree in trees():
        for node in ast.walk(tree):
            if kind := kinds.get(called(node)):
                found[kind].add(path)
    assert found["task"] == TASKS.keys()
    assert found["thread"] == THREADS.keys()


def test_nobody_polls_by_hand() -> None:
    """A `while` with a sleep is a loop, and an error ends it unless `Background` runs it."""
    found = {
        path
        for path, tree in trees()
        for circle in ast.walk(tree)
        if isinstance(circle, ast.While)
        and any(
            isinstance(node, ast.Await) and called(node.value) == "sleep"
            for node in ast.walk(circle)
        )
    }
    assert found - {"services/platform/runtime/background.py"} == POLLS.keys()


def test_each_loop_is_started_where_all_are() -> None:
    """Each owner of a loop fits `Loops`; no application starts a loop by itself."""
    making: set[str] = set()
    for path, tree in trees():
        for owner in tree.body:
            if not any(called(node) == "Background" for node in ast.walk(owner)):
                continue
            making.add(path)
            methods = {m.name: m for m in getattr(owner, "body", ()) if hasattr(m, "name")}
            if path not in STARTED_ELSEWHERE:
                assert isinstance(methods.get("start"), ast.AsyncFunctionDef), path
                assert isinstance(methods.get("stop"), ast.AsyncFunctionDef), path
                assert isinstance(methods.get("holds"), ast.FunctionDef), path
        if path.endswith(("/app.py", "/opening.py")) or "/composition/" in path:
            assert not [node for node in ast.walk(tree) if called(node) == "start"], path
    assert STARTED_ELSEWHERE.keys() - making <= {"services/platform/rows/sqlite/garbage.py"}
