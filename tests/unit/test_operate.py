"""Operators' commands where nothing runs: what they look for, and what they say."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aviary.queue.v1 import queue_pb2 as pb
from click.testing import CliRunner, Result

from services.__main__ import main
from services.cli.operate.errors import OperateError
from services.cli.operate.finding import find
from services.cli.operate.showing import show_letters, show_queues
from services.platform.files import local_addresses
from services.platform.rpc.operator import SIGNING_KEYS_FILE
from services.platform.security.certificates.folder import CertificateFolder
from services.platform.specs import pauses_table, server_of
from tests.processes import free_port

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_data_folder_says_where_services_are_while_they_run(tmp_path: Path) -> None:
    environment = {"AVIARY_FANOUT_ADDRESS": "elsewhere:1"}
    with local_addresses.published(tmp_path, {"fanout": "127.0.0.1:7"}):
        found = find("fanout", tmp_path, environment)
        assert (found.address, found.source) == ("127.0.0.1:7", f"{tmp_path}/addresses.json")
        with pytest.raises(OperateError, match="does not name timeline"):
            find("timeline", tmp_path, environment)
        # Neither `on` nor `off`: nobody guesses.
        with pytest.raises(OperateError, match="AVIARY_TLS: got 'OFF', wanted one of on, off"):
            find("fanout", tmp_path, {"AVIARY_TLS": "OFF"})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OperateError, match="up --data-dir"):
        find("fanout", tmp_path, environment)


def test_commands_sign_by_the_key_of_the_run_unless_they_are_given_one(tmp_path: Path) -> None:
    (tmp_path / SIGNING_KEYS_FILE).write_text(f"run:{'0a' * 32}\n")
    with local_addresses.published(tmp_path, {"fanout": "127.0.0.1:7"}):
        for environment, key_id in (
            ({}, "run"),
            ({"AVIARY_SIGNING_KEYS": f"k1:{'0b' * 32}"}, "k1"),
        ):
            keys = find("fanout", tmp_path, environment).keys
            assert keys is not None
            assert [key.key_id for key in keys()] == [key_id]


def test_without_a_folder_the_environment_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = {"AVIARY_FANOUT_ADDRESS": "elsewhere:1", "AVIARY_TLS_DIR": "/certificates"}
    found = find("fanout", None, elsewhere)
    assert (found.address, found.certificates) == ("elsewhere:1", Path("/certificates"))
    with pytest.raises(OperateError, match="AVIARY_TLS=off for plaintext"):
        find("fanout", None, {"AVIARY_FANOUT_ADDRESS": "elsewhere:1"})
    assert find("fanout", None, {}).address == "127.0.0.1:50055"
    with pytest.raises(OperateError, match="AVIARY_FANOUT_ADDRESS: got 'elsewhere'"):
        find("fanout", None, {"AVIARY_FANOUT_ADDRESS": "elsewhere"})
    (tmp_path / ".data").mkdir()
    with local_addresses.published(tmp_path / ".data", {"fanout": "127.0.0.1:7"}):
        assert find("fanout", None, {}).address == "127.0.0.1:7"
        assert find("fanout", None, {"AVIARY_DATA_DIR": "elsewhere"}).address == "127.0.0.1:50055"
    with local_addresses.published(tmp_path, {"fanout": "127.0.0.1:8"}):
        assert find("fanout", None, {"AVIARY_DATA_DIR": str(tmp_path)}).address == "127.0.0.1:8"


def test_a_data_folder_says_how_to_be_let_in(tmp_path: Path) -> None:
    with local_addresses.published(tmp_path, {"fanout": "127.0.0.1:7"}):
        assert find("fanout", tmp_path, {}).certificates is None
        CertificateFolder(tmp_path / "certificates").renew(datetime.now(UTC))
        found = find("fanout", tmp_path, {})
        assert (found.certificates, found.keys) == (tmp_path / "certificates", None)
        assert find("fanout", tmp_path, {"AVIARY_TLS": "off"}).certificates is None
        signing = find("fanout", tmp_path, {"AVIARY_SIGNING_KEYS": f"k:{'5a' * 32}"})
        assert signing.keys is not None
        (key,) = signing.keys()
        assert key.key_id == "k"
        with pytest.raises(OperateError, match="AVIARY_SIGNING_KEYS_FILE"):
            find("fanout", tmp_path, {"AVIARY_SIGNING_KEYS_FILE": str(tmp_path / "none")})
        (tmp_path / "certificates" / "operator.key").write_text("?")
        answer = run("queues", "--data-dir", str(tmp_path))
    assert answer.exit_code == 1
    assert "no certificate to show to fanout" in answer.output


@pytest.mark.parametrize("text", ["", "{", json.dumps(["fanout"])])
def test_a_broken_file_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / local_addresses.FILE_NAME).write_text(text)
    answer = run("queues", "--data-dir", str(tmp_path))
    assert answer.exit_code == 1
    assert "addresses.json cannot be read" in answer.output


@pytest.mark.parametrize(
    "command",
    [
        ["queues"],
        ["dead-letters"],
        ["redrive", "fanout.plan"],
        ["pause", "--all"],
        ["resume", "fanout.plan"],
        ["threshold"],
        ["rebuild-home", "1"],
        ["rebuild-search"],
        ["backfill"],
        ["search-indexes"],
    ],
    ids=lambda command: command[0],
)
def test_services_that_are_gone_are_reported(tmp_path: Path, command: list[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    with local_addresses.published(
        tmp_path, dict.fromkeys(("engagement", "fanout", "search", "tweet", "user"), address)
    ):
        answer = run(*command, "--data-dir", str(tmp_path))
    assert answer.exit_code == 1
    assert f"at {address}" in answer.output
    assert "is Aviary running" in answer.output
    assert "addresses.json" in answer.output


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["pause"], "give --all"),
        (["resume", "fanout.plan", "--all"], "give --all"),
        (["redrive", "fanout.plan", "--limit", "3", "--all"], "exclude each other"),
        (["threshold", "0"], "9223372036854775807, or `default`"),
        (["threshold", "many"], "9223372036854775807, or `default`"),
        (["threshold", str(1 << 63)], "9223372036854775807, or `default`"),
        (["threshold", "9" * 5_000], "9223372036854775807, or `default`"),
        (["rebuild-home", "0"], "1<=x<=9223372036854775807"),
        (["rebuild-home", str(1 << 63)], "1<=x<=9223372036854775807"),
        (["up", "--edge-port", "0"], "1<=x<=65535"),
        (["up", "--edge-port", "65536"], "1<=x<=65535"),
        (["dead-letters", "fanout.plan", "--limit", "1001"], "1<=x<=1000"),
    ],
)
def test_a_slip_is_reported_before_anything_is_called(command: list[str], said: str) -> None:
    answer = run(*command)
    assert answer.exit_code == 2
    assert said in answer.output


@pytest.mark.parametrize(
    "command",
    ["up", "certs", "audit verify", "audit heads", "token", "register-app web"],
)
def test_each_command_goes_by_the_variable_of_the_folder(tmp_path: Path, command: str) -> None:
    # None of them can do anything with a file. A process of its own: `up` changes its process.
    (tmp_path / "file").touch()
    ran = subprocess.run(
        [sys.executable, "-m", "services", *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AVIARY_DATA_DIR": "file"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "file" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize("command", [["token"], ["register-app", "web"]])
def test_a_folder_that_is_not_there_is_reported(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "data"
    answer = run(*command, "--data-dir", str(folder))
    assert answer.exit_code == 1
    assert f"there is no {folder}" in answer.output
    assert "--data-dir" in answer.output
    assert "Errno" not in answer.output


def test_help_lists_each_command_once() -> None:
    answer = run("--help")
    lines = [line.split()[0] for line in answer.output.splitlines() if line.startswith("  ")]
    for name in main.commands:
        assert lines.count(name) == 1, name


def test_examples_keep_their_lines() -> None:
    answer = run("token", "--help")
    assert '--user ada)" \\\n        http://127.0.0.1:8080/v1/timeline/home\n' in answer.output
    assert "\\b" not in answer.output


def test_reasons_do_not_reach_the_terminal_as_commands(capsys: pytest.CaptureFixture[str]) -> None:
    field = pb.UnreadableField(name=b"\xff\x1b[2J", value="\u202e".encode())
    letter = pb.DeadLetter(id="1-0", reason="bad\x1b[2J\nline", fields=[field])
    show_letters([("fanout.plan", letter)])
    printed = capsys.readouterr().out
    assert "bad [2J line {b'\\xff\\x1b[2J': b'\\xe2\\x80\\xae'}" in printed
    assert printed.replace("\n", "").isprintable()


def test_what_the_bus_cannot_count_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    counted = pb.Queue(subscription="tweet.erasure", messages=1_200, dead_letters=3, paused=True)
    show_queues([counted])
    assert capsys.readouterr().out.splitlines() == [
        "subscription   waiting  dead  state",
        "tweet.erasure    1,200     3  paused",
    ]
    show_queues([pb.Queue(subscription="fanout.plan", paused=False)])
    _, line, note = capsys.readouterr().out.splitlines()
    assert line.split() == ["fanout.plan", "unknown", "unknown", "running"]
    assert "Cloud Monitoring: num_undelivered_messages" in note
    show_queues([pb.Queue(subscription="fanout.plan", messages=0, dead_letters=0)])
    assert capsys.readouterr().out.splitlines()[1:] == ["fanout.plan         0     0  unknown"]


def test_operators_are_answered_by_whoever_declares_it() -> None:
    assert server_of("aviary.queue.v1.QueueService").name == pauses_table()[0]
    assert server_of("aviary.timeline.v1.TimelineService").name == "timeline"


@pytest.mark.parametrize(
    "command",
    [
        ["apps", "--json"],
        ["register-app", "web"],
        ["rotate-signing-key"],
        ["withdraw-signing-key", "x"],
        ["app-key", "list", "x"],
    ],
)
def test_a_folder_without_an_issuer_gets_none(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of somebody else's folder is not empty: it is wrong."""
    # The command sets it for its own process, which is the test's here.
    monkeypatch.setenv("AVIARY_DATA_DIR", str(tmp_path))
    answer = run(*command, "--data-dir", str(tmp_path))
    assert answer.exit_code == 1
    assert f"there is no {tmp_path / 'identity.db'}" in answer.output
    assert not list(tmp_path.iterdir())
