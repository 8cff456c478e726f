"""The table against what the code calls: neither more nor less."""

import ast
from pathlib import Path

import pytest
from aviary.edge.v1 import access_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

import services.bootstrap  # noqa: F401 - registers every service's descriptor
from services.certificates.identities import EDGE, IDENTITIES, OPERATOR
from services.rpc.call_table import CALLS, OPERATED, REFLECTION_CALLERS, callers_of

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "services" / "bootstrap"
# What `Parts` opens for a service: the peer's module and class, and the service it is a client of.
PEERS = {
    "ids": ("leases", "LeasePeer", "aviary.id.v1.IdService"),
    "accounts": ("accounts", "AccountPeer", "aviary.user.v1.UserService"),
    "users": ("users", "UserPeer", "aviary.user.v1.UserService"),
    "tweets": ("tweets", "TweetPeer", "aviary.tweet.v1.TweetService"),
    "graph": ("graph", "GraphPeer", "aviary.graph.v1.GraphService"),
}
# The issuer is a service too, though it lives with the edge.
OURS = ("services.", "gateway.identity.")
# Called within the peer's own adapters and keeper, for whoever leases.
LEASING = ROOT / "services" / "id" / "lease_keeper.py"


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


def peer_calls(module: str, wanted: str, service: str) -> dict[str, set[str]]:
    """Peer's method to the RPCs it calls, with those of the methods that it uses itself."""
    tree = ast.parse((ROOT / "services" / "peers" / f"{module}.py").read_text())
    (peer,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == wanted)
    functions = {f.name: f for f in peer.body if isinstance(f, ast.AsyncFunctionDef)}
    calls = {
        f.name: {
            f"{service}/{n.attr}"
            for n in ast.walk(f)
            if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self._stub"
        }
        for f in functions.values()
    }
    for _ in functions:
        for each, function in functions.items():
            for n in ast.walk(function):
                if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self":
                    calls[each] |= calls.get(n.attr, set())
    return calls


def imported(path: Path) -> set[Path]:
    """Modules of services and the issuer that a module imports, and it itself."""
    found = {path}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
            base = ROOT / (node.module or "").replace(".", "/")
            for each in (base, *(base / alias.name for alias in node.names)):
                if each.with_suffix(".py").exists():
                    found.add(each.with_suffix(".py"))
    return found


def reached(service: str) -> set[Path]:
    """Everything that a service is made of, but for what all share and the peers themselves."""
    shared = ("bootstrap/parts.py", "bootstrap/security.py")
    waiting, found = {BOOTSTRAP / f"{service}.py"}, set()
    while waiting:
        path = waiting.pop()
        relative = path.relative_to(ROOT).as_posix().removeprefix("services/")
        if path in found or relative in shared or relative.startswith(("peers/", "rpc/")):
            continue
        found.add(path)
        waiting |= imported(path)
    return found


def attributes_called(paths: set[Path]) -> set[str]:
    return {
        node.func.attr
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def opened(service: str) -> set[str]:
    """Which peers the composition root opens for a service."""
    tree = ast.parse((BOOTSTRAP / f"{service}.py").read_text())
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "parts"
        # With a source of its own, which is the id service, none is opened.
        and not (node.func.attr == "ids" and len(node.args) > 1)
    } & PEERS.keys()


@pytest.mark.parametrize("service", sorted(p.stem for p in BOOTSTRAP.glob("*.py")))
def test_a_service_may_call_what_it_calls_and_no_more(service: str) -> None:
    wanted = set()
    for peer in opened(service):
        used = attributes_called(reached(service) | ({LEASING} if peer == "ids" else set()))
        calls = peer_calls(*PEERS[peer])
        wanted |= {rpc for method, rpcs in calls.items() if method in used for rpc in rpcs}
    assert CALLS.get(service, frozenset()) == wanted


def test_every_peer_is_known_to_these_tests() -> None:
    modules = {p.stem for p in (ROOT / "services" / "peers").glob("*.py")} - {"__init__"}
    assert modules == {module for module, _, _ in PEERS.values()}


def test_nothing_else_is_in_the_table() -> None:
    names = {name(method) for method in methods()}
    assert CALLS.keys() <= set(IDENTITIES)
    assert {each for calls in CALLS.values() for each in calls} <= names
    assert {each.partition("/")[0] for each in names} >= OPERATED
    assert set(IDENTITIES) >= REFLECTION_CALLERS


def test_the_edge_may_call_what_states_its_access_and_nothing_else() -> None:
    stated = {name(m) for m in methods() if m.GetOptions().HasExtension(access_pb2.access)}
    assert {name(m) for m in methods() if EDGE in callers_of(m)} == stated
    assert "aviary.timeline.v1.TimelineService/GetHomeTimeline" in stated
    assert "aviary.graph.v1.GraphService/StreamFollowers" not in stated


def test_operators_commands_call_what_operators_may() -> None:
    source = (ROOT / "services" / "operate" / "client.py").read_text()
    called = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    given = {m.name for m in methods() if OPERATOR in callers_of(m)}
    assert given <= called
    for service in ("aviary.fanout.v1.FanoutService", "aviary.timeline.v1.TimelineService"):
        of_it = [m for m in methods() if m.containing_service.full_name == service]
        assert all(OPERATOR in callers_of(m) for m in of_it if m.name in called)


def test_operators_rpcs_are_for_operators_alone() -> None:
    operated = [m for m in methods() if m.containing_service.full_name in OPERATED]
    assert operated
    assert all(callers_of(m) == {OPERATOR} for m in operated)


def test_no_rpc_is_for_nobody_but_where_it_is_meant() -> None:
    # For callers in other languages, which have no certificate of their own yet.
    assert {name(m) for m in methods() if not callers_of(m)} == {
        "aviary.id.v1.IdService/GenerateIds"
    }
