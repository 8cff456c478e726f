"""The table against what the code calls: neither more nor less."""

import ast
import re
from pathlib import Path

import pytest
from aviary.edge.v1 import access_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from services.platform.security.call_table import CALLS, OPERATED, REFLECTION_PEERS, allowed_peers
from services.platform.security.identities import EDGE, GATEWAY, IDENTITIES, OPERATOR
from services.platform.specs import all_specs

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "services"
LEASING = SERVICES / "platform" / "leasing" / "lease_client.py"
DRAWING = SERVICES / "platform" / "drawing" / "clients.py"
SIGHTS = SERVICES / "platform" / "visibility" / "clients.py"
# What processes of the release before call, beside which those of this one run in an upgrade.
FORMER = {
    "list": {"aviary.graph.v1.GraphService/LookupStandings"},
    "search": {"aviary.graph.v1.GraphService/LookupHidden"},
    "tweet": {"aviary.graph.v1.GraphService/LookupHidden"},
}
# How a stub is made of a contract's module: `user_service_pb2_grpc.UserServiceStub(channel)`.
STUB = re.compile(r"(\w+)ServiceStub\(")


def methods() -> list[MethodDescriptor]:
    files = FileDescriptorSet.FromString((ROOT / "gen" / "descriptor.pb").read_bytes())
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return [
        method
        for file in files.file
        if file.package.startswith("aviary.")
        for service in file.service
        for method in pool.FindServiceByName(f"{file.package}.{service.name}").methods
    ]


def name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.full_name}/{method.name}"


def client_calls(path: Path, used: set[str] | None = None) -> set[str]:
    """RPCs that the clients of a module call; of their methods in `used` alone, where given."""
    found: set[str] = set()
    for client in ast.walk(ast.parse(path.read_text())):
        if not isinstance(client, ast.ClassDef):
            continue
        made = STUB.search(ast.unparse(client))
        assert made, f"{path}: {client.name} makes no stub"
        methods = {f.name: f for f in client.body if isinstance(f, ast.AsyncFunctionDef)}
        gathered = calls_gathered(client)
        wanted = set(methods) if used is None else used & set(methods)
        while more := (reached(methods, wanted, gathered) & set(methods)) - wanted:
            wanted |= more
        found |= {
            f"aviary.{made[1].lower()}.v1.{made[1]}Service/{rpc}"
            for rpc in attributes(methods, wanted, "self._stub")
        }
    return found


def calls_gathered(client: ast.ClassDef) -> dict[str, str]:
    """Which method is called for many, by the attribute that gathers them."""
    found = re.findall(r"self\.(\w+) = Gathering\(self\.(\w+)", ast.unparse(client))
    return dict(found)


def reached(
    methods: dict[str, ast.AsyncFunctionDef], wanted: set[str], gathered: dict[str, str]
) -> set[str]:
    return {gathered.get(each, each) for each in attributes(methods, wanted, "self")}


def attributes(methods: dict[str, ast.AsyncFunctionDef], wanted: set[str], owner: str) -> set[str]:
    return {
        node.attr
        for each in wanted
        for node in ast.walk(methods[each])
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner
    }


@pytest.mark.parametrize("service", sorted(set(all_specs()) - {GATEWAY}))
def test_a_service_declares_what_it_calls_and_no_more(service: str) -> None:
    folder = SERVICES / service
    app = (folder / "app.py").read_text()
    called: set[str] = set()
    if (folder / "clients.py").exists():
        called |= client_calls(folder / "clients.py")
    # With a source of its own, which is the id service, it calls nobody for leases.
    if "deps.ids()" in app:
        called |= client_calls(LEASING)
    if "open_drawing" in app:
        # What it draws of its own it asks nobody for.
        own = f"aviary.{service}."
        drawing = client_calls(DRAWING) | client_calls(SIGHTS)
        called |= {call for call in drawing if not call.startswith(own)}
    if "SightClient" in app:
        # The other call is of a graph process of the release before, which answers only those that
        # asked then.
        called.add("aviary.graph.v1.GraphService/LookupSights")
    if "open_backfill" in app:
        timeline = SERVICES / "timeline"
        backfill = ast.walk(ast.parse((timeline / "backfill.py").read_text()))
        used = {node.attr for node in backfill if isinstance(node, ast.Attribute)}
        called |= client_calls(timeline / "clients.py", used)
    assert CALLS.get(service, frozenset()) == called | FORMER.get(service, set())


def test_the_call_table_names_only_known_processes_and_rpcs() -> None:
    names = {name(method) for method in methods()}
    assert CALLS.keys() <= set(IDENTITIES)
    assert {each for calls in CALLS.values() for each in calls} <= names
    assert {each.partition("/")[0] for each in names} >= OPERATED
    assert set(IDENTITIES) >= REFLECTION_PEERS


def test_the_edge_may_call_what_states_its_access_and_nothing_else() -> None:
    stated = {
        name(m)
        for m in methods()
        for one in (access_pb2.access, access_pb2.json_of)
        if m.GetOptions().HasExtension(one)
    }
    assert {name(m) for m in methods() if EDGE in allowed_peers(m)} == stated
    assert "aviary.timeline.v1.TimelineService/GetHomeTimeline" in stated
    assert "aviary.timeline.v1.TimelineService/GetHomeTimelineJson" in stated
    assert "aviary.graph.v1.GraphService/StreamFollowers" not in stated


def test_operators_commands_call_what_operators_may() -> None:
    folder = ROOT / "services" / "cli" / "operate"
    sources = [folder / each for each in ("client.py", "run_media.py", "run_tweets.py")]
    nodes = [node for each in sources for node in ast.walk(ast.parse(each.read_text()))]
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    operated = [m for m in methods() if OPERATOR in allowed_peers(m)]
    assert {m.name for m in operated if not m.GetOptions().deprecated} <= called
    for service in (
        "aviary.fanout.v1.FanoutService",
        "aviary.queue.v1.QueueService",
        "aviary.timeline.v1.TimelineService",
    ):
        of_it = [m for m in methods() if m.containing_service.full_name == service]
        assert all(OPERATOR in allowed_peers(m) for m in of_it if m.name in called)


def test_operators_rpcs_are_for_operators_alone() -> None:
    operated = [m for m in methods() if m.containing_service.full_name in OPERATED]
    assert operated
    assert all(allowed_peers(m) == {OPERATOR} for m in operated)


def test_no_rpc_is_for_nobody_but_where_it_is_meant() -> None:
    # For clients in other languages, which have no certificate of their own yet.
    assert {name(m) for m in methods() if not allowed_peers(m)} == {
        "aviary.id.v1.IdService/GenerateIds"
    }
