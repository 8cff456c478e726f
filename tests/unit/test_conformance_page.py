"""The page of OpenID conformance names each module of the suite's plans, and who holds it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.identity import test_openid_conformance as basic
from tests.identity import test_openid_dynamic as dynamic
from tests.identity.openid_plans import NOT_APPLICABLE, NOT_MET, NOT_OF_DYNAMIC

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "openid-conformance.md").read_text()
# Of the plan Config OP; all others of its file are of Basic OP.
CONFIG = {"oidcc-discovery-endpoint-verification"}


def section(title: str) -> dict[str, str]:
    """Read a section's table: what it says of each module."""
    lines = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `oidcc-")]
    assert len({module for module, _ in rows}) == len(rows), "each once"
    return {module.strip("`"): said for module, said in rows}


def held(modules: Iterable[str], file: str) -> dict[str, str]:
    by = f"held: `tests/identity/{file}`"
    return dict.fromkeys(modules, by)


def because(kind: str, reasons: Mapping[str, str]) -> dict[str, str]:
    return {module: f"{kind}: {reason}" for module, reason in reasons.items()}


def test_basic_op_is_whole() -> None:
    assert section("Basic OP") == {
        **held(basic.MODULES.keys() - CONFIG, "test_openid_conformance.py"),
        **because("not met", NOT_MET),
        **because("does not apply", NOT_APPLICABLE),
    }


def test_config_op_is_whole() -> None:
    assert section("Config OP") == held(CONFIG, "test_openid_conformance.py")
    assert basic.MODULES.keys() >= CONFIG


def test_dynamic_op_says_what_there_is() -> None:
    assert section("Of Dynamic OP") == {
        **held(dynamic.MODULES, "test_openid_dynamic.py"),
        **because("does not apply", NOT_OF_DYNAMIC),
    }
