"""The command `audit`: what it finds, and how it says so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.audit import audit
from services.platform.audit.chain import verify
from services.platform.audit.log import AuditLog
from services.platform.runtime.clock import SystemClock


def test_a_full_file_is_found_by_the_anchor_of_its_chain(tmp_path: Path) -> None:
    with AuditLog(tmp_path, "issuer", SystemClock(), max_bytes=1) as log:
        log.record("login.succeeded")
    (full,) = tmp_path.glob("issuer.0*.log")
    anchors = tmp_path / "anchors.json"
    anchors.write_text(json.dumps({"issuer": [0, "0" * 64]}))
    found = CliRunner().invoke(audit, ["verify", "--anchors", str(anchors), str(full)])
    assert (found.exit_code, "rewritten" in found.output) == (1, True)


def test_the_command_says_where_and_exits_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    for name in ("issuer", "gateway"):
        with AuditLog(folder, name, SystemClock()) as log:
            for _ in range(3):
                log.record("login.succeeded")
    data = ("--data-dir", str(tmp_path))
    heads = CliRunner().invoke(audit, ["heads", *data])
    anchors = tmp_path / "anchors.json"
    anchors.write_text(heads.output)
    good = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (good.exit_code, good.output.count("3 entries")) == (0, 2)

    # An anchor of another name vouches for nothing.
    other = tmp_path / "other.log"
    other.write_bytes((folder / "issuer.log").read_bytes())
    for of_one, code in ((other, 1), (folder / "issuer.log", 0)):
        named = CliRunner().invoke(audit, ["verify", "--anchors", str(anchors), str(of_one)])
        assert named.exit_code == code
        assert ("has no anchor of this name, but gateway, issuer" in named.output) == bool(code)
    (tmp_path / "none.json").write_text("{}")
    none = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(tmp_path / "none.json")])
    assert (none.exit_code, "would vouch for nothing" in none.output) == (1, True)
    with AuditLog(folder, "younger", SystemClock()) as log:
        log.record("login.succeeded")
    younger = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (younger.exit_code, younger.output.count("without an anchor")) == (0, 1)

    path = folder / "issuer.log"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    unaware = CliRunner().invoke(audit, ["verify", *data])
    assert unaware.exit_code == 0
    aware = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (aware.exit_code, "issuer: ends at entry 1" in aware.output) == (1, True)
    path.unlink()
    gone = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (gone.exit_code, "missing as a whole" in gone.output) == (1, True)
    one = CliRunner().invoke(audit, ["verify", str(folder / "gateway.log")])
    assert (one.exit_code, "gateway: 3 entries" in one.output) == (0, True)
    nothing = CliRunner().invoke(audit, ["verify", "--data-dir", str(tmp_path / "no")])
    assert nothing.exit_code == 1


@pytest.mark.parametrize("how", ["is a folder", "is nested too deeply"])
def test_what_cannot_be_read_is_reported(tmp_path: Path, how: str) -> None:
    path = tmp_path / "issuer.log"
    if how == "is a folder":
        path.mkdir()
    else:
        path.write_bytes(b"[" * 100_000 + b"\n")
    found = CliRunner().invoke(audit, ["verify", str(path)])
    assert (found.exit_code, type(found.exception)) == (1, SystemExit)
    assert f"issuer: {path}" in found.output


def test_programs_read_what_it_found(tmp_path: Path) -> None:
    folder, anchors = tmp_path / "audit", tmp_path / "anchors.json"
    with AuditLog(folder, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
    data = ("verify", "--json", "--data-dir", str(tmp_path))
    anchors.write_text(CliRunner().invoke(audit, ["heads", *data[2:]]).output)
    with AuditLog(folder, "gateway", SystemClock()) as log:
        for _ in range(2):
            log.record("login.succeeded")
    good = CliRunner().invoke(audit, [*data, "--anchors", str(anchors)])
    gateway, issuer = (verify([folder / f"{name}.log"]) for name in ("gateway", "issuer"))
    chains = [
        {"name": "gateway", "entries": 2, "head": gateway.digest, "anchored": False},
        {"name": "issuer", "entries": 1, "head": issuer.digest, "anchored": True},
    ]
    assert (good.exit_code, json.loads(good.output)) == (0, {"chains": chains, "wrong": []})
    (folder / "issuer.log").write_text("{}\n")
    bad = CliRunner().invoke(audit, list(data))
    found = json.loads(bad.output)
    assert (bad.exit_code, found["chains"]) == (1, chains[:1])
    (wrong,) = found["wrong"]
    assert wrong.startswith("issuer: ")
    nothing = CliRunner().invoke(audit, ["verify", "--json", "--data-dir", str(tmp_path / "no")])
    assert (nothing.exit_code, json.loads(nothing.output)["chains"]) == (1, [])
