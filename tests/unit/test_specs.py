"""Declarations that cannot stand beside each other are refused, by name."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from services.identity.spec import SPEC as IDENTITY
from services.platform.bus.port import Subscription
from services.platform.config.settings import Settings
from services.platform.rows.port import TableSpec
from services.platform.security.identities import IDENTITIES
from services.platform.specs import ServiceSpec, SwitchFlag, all_specs, server_of
from services.platform.specs.checks import check_together

ROOT = Path(__file__).resolve().parents[2]
PROBE = ServiceSpec(name="probe", summary="", port=60_001, package="services.probe")
LOOKUP = "aviary.user.v1.UserService/LookupUsers"


def test_the_declarations_of_all_services_agree() -> None:
    check_together([*all_specs().values(), PROBE])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "user"}, "user and user both declare the name user"),
        ({"port": 50_051}, "user and probe both declare the port 50051"),
        ({"http_port": 50_059}, "identity and probe both declare the port 50059"),
        ({"tables": (TableSpec("tweets"),)}, "tweet and probe both declare the table tweets"),
        ({"topics": {"user-events": ""}}, "user and probe both declare the topic user-events"),
        ({"files": ("identity.key",)}, "identity and probe both declare the file identity.key"),
        (
            {"flags": (SwitchFlag("edge.public-reads", default=None),)},
            "gateway and probe both declare the flag edge.public-reads",
        ),
        ({"name": "probe-2"}, "'probe-2' is no name of a service"),
        *[
            ({"name": name, "package": f"services.{name}"}, f"{name!r} cannot name a service")
            for name in (*sorted(set(IDENTITIES) - set(all_specs())), "ca", "trust", "bus", "envoy")
        ],
        ({"package": "services.other"}, "services.other declares a service of another name"),
        ({"contracts": ("aviary.user.v1.Probe",)}, "its contract aviary.user.v1.Probe is not in"),
        ({"opens_rows_of": ("gateway",)}, "probe opens the rows of gateway, which declares none"),
        ({"calls": ("aviary.x.v1.X/Y",)}, "probe calls aviary.x.v1.X/Y, which nobody declares"),
        (
            {"calls": ("aviary.fanout.v1.FanoutService/X",)},
            "FanoutService/X, which is for operators alone",
        ),
        ({"operator_calls": (LOOKUP,)}, f"probe gives operators {LOOKUP}, which it does not serve"),
        ({"optional_secrets": ("AVIARY_X",)}, "optional secret AVIARY_X is not among its secrets"),
        (
            {"subscriptions": (Subscription("probe.x", "none"),)},
            "probe consumes none, which nobody declares to publish",
        ),
        (
            {"subscriptions": (Subscription("other.x", "user-events"),)},
            "its subscription other.x does not begin with probe.",
        ),
    ],
)
def test_fault_is_named(changes: Mapping[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        check_together([*all_specs().values(), replace(PROBE, **changes)])  # type: ignore[arg-type]


def test_the_server_of_an_rpc_is_who_declares_its_contract() -> None:
    assert server_of(LOOKUP).name == "user"
    assert server_of("aviary.gateway.v1.ChallengeService").name == "gateway"
    with pytest.raises(KeyError):
        server_of("aviary.none.v1.NoService/Call")


def test_settings_know_the_issuers_listener_by_its_declaration() -> None:
    assert Settings.from_environment({}).identity_http_address == IDENTITY.http_address


def test_declarations_load_no_engine() -> None:
    # Every process reads them all, at its start.
    engines = {"authlib", "cryptography", "google", "grpc", "openfeature", "redis", "sqlite3"}
    loaded = "from services.platform.specs import all_specs; all_specs(); import sys"
    shown = f"{loaded}; print(sorted({{m.split('.')[0] for m in sys.modules}} & {engines}))"
    answer = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_every_declared_flag_is_read_by_its_service() -> None:
    for spec in all_specs().values():
        folder = ROOT / Path(*spec.package.split("."))
        sources = [path.read_text() for path in folder.rglob("*.py") if path.name != "spec.py"]
        names = re.findall(
            r"^(\w+): Final = \w+Flag\(", (folder / "spec.py").read_text(), re.MULTILINE
        )
        assert len(names) == len(spec.flags)
        for name in names:
            assert any(re.search(rf"\b{name}\b", source) for source in sources), name


def test_every_table_says_how_its_keys_are_built() -> None:
    assert all(table.key for spec in all_specs().values() for table in spec.tables)
