"""How many processes of each service `up` starts: what is asked for, and what each is given."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.envoy import EdgeConfig, bootstrap
from services.cli.main import main
from services.local.plan import Plan, Where, on_this_machine
from services.local.scale import ALL, MAX_REPLICAS, ScaleError, read_scale, replicas
from services.platform.config.settings import Settings, SettingsError
from services.platform.rpc.channels import target
from services.platform.specs import all_specs


def test_what_is_not_named_is_there_once() -> None:
    scale = read_scale(["graph=3, tweet=2"])
    assert scale == {name: {"graph": 3, "tweet": 2}.get(name, 1) for name in all_specs()}
    assert read_scale([]) == dict.fromkeys(all_specs(), 1)


def test_all_is_whoever_is_not_named_and_texts_add_up() -> None:
    scale = read_scale([f"{ALL}=2", "graph=1,id=3"])
    assert scale == {name: {"graph": 1, "id": 3}.get(name, 2) for name in all_specs()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grap=2", "'grap' is no service: there are engagement,"),
        ("envoy=2", "'envoy' is no service"),
        ("graph", "'graph' is no service=number, such as graph=2"),
        ("graph=0", f"graph=0: wanted a whole number from 1 to {MAX_REPLICAS}"),
        (f"graph={MAX_REPLICAS + 1}", f"wanted a whole number from 1 to {MAX_REPLICAS}"),
        ("graph=-1", "graph=-1: wanted"),
        ("graph=two", "graph=two: wanted"),
        ("graph=²", "graph=²: wanted"),
        ("graph=", "graph=: wanted"),
        ("graph=2,graph=3", "graph is there twice"),
    ],
)
def test_what_is_no_scale_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ScaleError) as refused:
        read_scale([text])
    assert said in str(refused.value)


def test_the_command_line_says_so() -> None:
    refused = CliRunner().invoke(main, ["up", "--scale", "grap=2"])
    assert refused.exit_code == 2
    assert "'grap' is no service" in refused.output


def test_the_first_process_has_the_name_of_its_service() -> None:
    assert [each.name for each in replicas({"graph": 3}) if each.service == "graph"] == [
        "graph",
        "graph-2",
        "graph-3",
    ]
    assert len(replicas({})) == len(all_specs())


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    folder = tmp_path / "sockets"
    folder.mkdir()
    (tmp_path / "logs").mkdir()
    return folder


def planned(sockets: Path, *, sidecars: bool = False) -> Plan:
    return on_this_machine(
        Where(
            sockets.parent,
            sockets,
            8080,
            sys.executable,
            sockets.parent,
            sidecars=sidecars,
            scale={"timeline": 2, "gateway": 2},
        )
    )


def test_each_process_listens_alone_and_is_known_to_all_with_the_others(sockets: Path) -> None:
    plan = planned(sockets)
    by_name = {child.name: child for child in plan.services}
    one, other = (
        Settings.from_environment(by_name[name].env) for name in ("timeline", "timeline-2")
    )
    both = ",".join(each.addresses["timeline"] for each in (one, other))
    assert one.addresses["timeline"] != other.addresses["timeline"]
    assert plan.addresses["timeline"] == both
    assert Settings.from_environment(by_name["live"].env).addresses["timeline"] == both
    assert one.timeline_http_address != other.timeline_http_address
    assert plan.metrics["timeline"] == f"{one.metrics_address},{other.metrics_address}"
    own = [
        (child.env["AVIARY_HEARTBEAT_FILE"], child.log, child.port)
        for child in (by_name["timeline"], by_name["timeline-2"])
    ]
    assert not set(own[0]) & set(own[1])


def test_one_gateway_alone_reads_what_the_edge_refused_and_tells_of_restarts(
    sockets: Path,
) -> None:
    by_name = {child.name: child for child in planned(sockets).services}
    one, other = (Settings.from_environment(by_name[name].env) for name in ("gateway", "gateway-2"))
    assert one.edge_denials_log is not None
    assert other.edge_denials_log is None
    assert one.restarts_file is not None
    assert other.restarts_file is None


def test_each_process_has_a_sidecar_of_its_own(sockets: Path) -> None:
    plan = planned(sockets, sidecars=True)
    assert {"timeline-sidecar", "timeline-2-sidecar"} < {child.name for child in plan.sidecars}
    by_name = {child.name: child for child in plan.services}
    assert by_name["timeline-2"].port == sockets / "timeline-2.in"
    one, other = (
        Settings.from_environment(by_name[name].env) for name in ("timeline", "timeline-2")
    )
    assert one.addresses["graph"] != other.addresses["graph"]
    assert one.sidecar_denials_log != other.sidecar_denials_log


def test_the_edge_has_an_endpoint_for_each_process() -> None:
    config = EdgeConfig(
        backends={**EdgeConfig().backends, "graph": "127.0.0.1:1,127.0.0.1:2"},
        identity_http="127.0.0.1:3,127.0.0.1:4",
    )
    clusters = {each["name"]: each for each in bootstrap(config)["static_resources"]["clusters"]}
    for name, ports in (("graph", [1, 2]), ("identity_http", [3, 4])):
        (locality,) = clusters[name]["load_assignment"]["endpoints"]
        assert [
            each["endpoint"]["address"]["socket_address"]["port_value"]
            for each in locality["lb_endpoints"]
        ] == ports


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("graph.internal:80", "graph.internal:80"),
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("127.0.0.1:1,127.0.0.2:2", "ipv4:127.0.0.1:1,127.0.0.2:2"),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
        ("unix:/tmp/a,b", "unix:/tmp/a,b"),
    ],
)
def test_grpc_is_given_a_list_as_it_takes_one(address: str, wanted: str) -> None:
    assert target(address) == wanted
    settings = Settings.from_environment({"AVIARY_GRAPH_ADDRESS": address, "AVIARY_TLS": "off"})
    assert settings.addresses["graph"] == address


@pytest.mark.parametrize(
    "address",
    [
        "graph.internal:80,127.0.0.1:1",
        "127.0.0.1:1,[::1]:2",
        "127.0.0.1:1,",
        "127.0.0.1:1,127.0.0.1:1",
    ],
)
def test_a_list_that_grpc_does_not_take_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(SettingsError, match="AVIARY_GRAPH_ADDRESS"):
        Settings.from_environment({"AVIARY_GRAPH_ADDRESS": address, "AVIARY_TLS": "off"})


def test_a_list_with_one_that_is_not_loopback_wants_certificates() -> None:
    with pytest.raises(SettingsError, match="AVIARY_TLS_DIR"):
        Settings.from_environment({"AVIARY_GRAPH_ADDRESS": "127.0.0.1:1,10.0.0.1:1"})
