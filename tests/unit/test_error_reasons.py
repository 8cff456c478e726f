"""Every reason of an error in the code is one of the contract's, and goes with its code."""

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import click
import pytest
from aviary.error.v1 import error_reason_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.envoy import contracts, own_contracts
from gateway.openapi.named_errors import errors_named
from services.platform import errors
from services.platform.error_reasons import CODE_NAMES, Reason
from services.platform.rpc.http_statuses import HTTP_STATUS
from services.platform.rpc.status import CODES
from tools import error_reasons

ROOT = Path(__file__).resolve().parents[2]
# gRPC has codes of the same names.
ALSO_CODES = {Reason.UNAVAILABLE, Reason.DEADLINE_EXCEEDED, Reason.INTERNAL}
CLASSES = {each.__name__: each for each in CODES}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("services", "gateway"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != error_reasons.MODULE:
                yield path, ast.parse(path.read_text())


def raised() -> Iterator[tuple[str, str, Reason]]:
    """Where, the class of the error, and its reason; of each that is built with one."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for keyword in node.keywords:
                    if keyword.arg == "reason" and node.func.id in CLASSES:
                        where = f"{path.relative_to(ROOT)}:{node.lineno}"
                        reason = value_of(path, keyword.value)
                        if reason is not None:
                            yield where, node.func.id, reason


def value_of(path: Path, node: ast.expr) -> Reason | None:
    """The value of `Reason.X`, or of a constant of the module; None for a variable."""
    if isinstance(node, ast.Attribute):
        return Reason[node.attr]
    assert isinstance(node, ast.Name), ast.dump(node)
    found = getattr(imported(path), node.id, None)
    assert found is None or isinstance(found, Reason), (path, node.id)
    return found


def imported(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def test_code_and_contract_have_the_same_reasons() -> None:
    of_contract = set(error_reason_pb2.ErrorReason.keys()) - {error_reasons.NEVER_SENT}
    assert set(Reason) == of_contract == set(CODE_NAMES)


def test_each_error_has_the_code_that_goes_with_its_reason() -> None:
    found = list(raised())
    assert len(found) > 20
    wrong = [each for each in found if CODES[CLASSES[each[1]]].name != CODE_NAMES[each[2]]]
    assert wrong == []
    assert CODES[errors.InvalidArgumentError].name == CODE_NAMES[Reason.INVALID_FIELD]


def test_no_reason_is_written_as_text() -> None:
    written = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and node.value in set(Reason) - ALSO_CODES
        # A module may have a name that is spelt like one.
        and node.value not in getattr(imported(path), "__all__", ())
    ]
    assert written == []


def test_what_the_edge_writes_in_lua_is_of_the_contract() -> None:
    scripts = list((ROOT / "gateway").rglob("*.lua"))
    words = {w for path in scripts for w in re.findall(r'"([A-Z]+_[A-Z_]+)"', path.read_text())}
    assert words
    assert words <= set(Reason)


def test_comments_of_rpcs_name_reasons_of_the_contract() -> None:
    named = [
        error
        for file in own_contracts().files.file
        if file.package.startswith("aviary.")
        for location in file.source_code_info.location
        if is_of_a_method(location.path)
        for error in errors_named(location.leading_comments)
    ]
    assert {Reason.BLOCKED, Reason.LEASE_LOST, Reason.HANDLE_TAKEN} <= {e.reason for e in named}


def is_of_a_method(path: Sequence[int]) -> bool:
    match path:
        case [contracts.SERVICE_FIELD, _, contracts.METHOD_FIELD, _]:
            return True
    return False


def test_module_is_as_it_is_generated() -> None:
    found = error_reasons.reasons(own_contracts().files)
    assert error_reasons.MODULE.read_text() == error_reasons.module(found)


def test_a_reason_without_status_or_advice_is_refused() -> None:
    files = FileDescriptorSet()
    files.CopyFrom(own_contracts().files)
    (file,) = (each for each in files.file if each.name == error_reasons.PROTO)
    file.source_code_info.location[-1].leading_comments = "Something went wrong."
    with pytest.raises(click.ClickException, match="the comment of"):
        error_reasons.reasons(files)


def test_each_reason_has_the_http_status_of_its_code() -> None:
    files = FileDescriptorSet.FromString((ROOT / "gen" / "descriptor.pb").read_bytes())
    for each in error_reasons.reasons(files):
        assert each.http_status == HTTP_STATUS[each.code], each.name
