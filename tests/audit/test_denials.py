"""What the edge refused comes into the audit log, once for each kind and second."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from services.local.logs import LogLimits, rotate_beneath
from services.platform.audit.following import MAX_BYTES, JsonLines
from services.platform.audit.port import UnwrittenError
from services.platform.security.denials import edge_decisions, sidecar_denials


class Events(list[tuple[str, dict[str, Any]]]):
    def record(self, event: str, /, **facts: Any) -> None:
        self.append((event, facts))


class Watch:
    s = 1_000.0

    def __call__(self) -> float:
        return self.s


def line(status: int, **fields: object) -> str:
    return json.dumps({"status": status, "user": None, **fields}) + "\n"


def read(log: Path, events: Events) -> None:
    reader = edge_decisions(log, events)
    while reader.read():
        pass


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "denials.log"


def test_a_flood_becomes_one_entry_with_a_count(log: Path) -> None:
    events = Events()
    with log.open("a") as file:
        for number in range(1000):
            file.write(line(401, remote="10.0.0.1", rpc="/a/B", request_id=f"r{number}"))
        file.write(line(403, remote="10.0.0.1", rpc="/a/B", user="7", request_id="s"))
        file.write(line(429, remote="10.0.0.2", request_id="t"))
    read(log, events)
    assert [(event, facts["times"]) for event, facts in events] == [
        ("edge.denied", 1000),
        ("edge.denied", 1),
        ("limit.hit", 1),
    ]
    assert events[0][1] == {
        "status": 401, "remote": "10.0.0.1", "rpc": "/a/B", "times": 1000, "request_id": "r0",
    }  # fmt: skip


def test_reading_goes_on_where_it_was_across_restarts_and_rotation(log: Path) -> None:
    events = Events()
    read(log, events)
    with log.open("a") as file:
        file.write(line(401, request_id="1"))
        file.write('{"status": 401, "request')
        file.flush()
        read(log, events)
        read(log, events)
        assert [facts["request_id"] for _, facts in events] == ["1"]
        file.write('_id": "2"}\n')
    read(log, events)
    log.rename(log.with_name("denials.log.1"))
    log.write_text(line(401, request_id="3"))
    read(log, events)
    assert [facts["request_id"] for _, facts in events] == ["1", "2", "3"]


def test_what_is_read_at_once_is_no_bound_of_a_look(log: Path) -> None:
    events = Events()
    with log.open("a") as file:
        while file.tell() < 2 * MAX_BYTES:
            file.write(line(401, filling="x" * 100_000))
        file.write(line(403, request_id="last"))
    read(log, events)
    assert events[-1][1]["request_id"] == "last"


def test_a_line_longer_than_what_is_read_at_once_stops_nothing(log: Path) -> None:
    events = Events()
    with log.open("a") as file:
        file.write("x" * (MAX_BYTES + 1) + "\n")
        file.write(line(403, request_id="last"))
    read(log, events)
    assert events[-1][1]["request_id"] == "last"
    # It is counted, in parts, as what makes no sense.
    assert events[0][1]["reason"] == "a line that is not JSON"


def test_a_line_that_makes_no_sense_is_counted_too(log: Path) -> None:
    events = Events()
    log.write_bytes(b"\xff\n[1]\n" + line(401).encode())
    read(log, events)
    assert [facts["times"] for _, facts in events] == [2, 1]


def test_a_token_is_recorded_once_an_hour_for_each_user_app_and_address(log: Path) -> None:
    events, watch = Events(), Watch()
    decisions = edge_decisions(log, events, watch)

    def used(**fields: object) -> None:
        with log.open("a") as file:
            for number in range(100):
                file.write(line(200, rpc=f"/a/{number}", request_id=f"r{number}", **fields))
        decisions.read()

    ada = {"user": "7", "client": "app_1", "remote": "10.0.0.1"}
    for fields in (ada, ada, {**ada, "remote": "10.0.0.2"}, {**ada, "client": "app_2"}):
        used(**fields)
    assert [event for event, _ in events] == ["token.accepted"] * 3
    assert events[0][1] == {**ada, "rpc": "/a/0", "request_id": "r0"}
    watch.s += 3_600
    used(**ada)
    assert len(events) == 4


def test_what_was_answered_by_grpc_is_distinguished_too(log: Path) -> None:
    events = Events()
    with log.open("a") as file:
        for grpc in ("ResourceExhausted", "PermissionDenied", "Unauthenticated"):
            file.write(line(200, grpc=grpc, user="7", request_id="1"))
    read(log, events)
    assert [event for event, _ in events] == ["limit.hit", "edge.denied", "edge.denied"]


def test_only_refusals_of_the_sidecar_itself_are_recorded(log: Path) -> None:
    events = Events()
    refused = {"path": "/a.B/C", "caller": "spiffe://aviary.local/timeline"}
    with log.open("a") as file:
        for details in ("rbac_access_denied_matched_policy[none]", "via_upstream"):
            file.write(json.dumps({**refused, "details": details}) + "\n")
        file.write("no JSON\n")
    sidecar_denials(log, events).read()
    assert [(facts.get("caller"), facts["times"]) for _, facts in events] == [
        ("timeline", 1),
        ("", 1),
    ]
    assert events[0][1]["method"] == "a.B/C"


def test_no_line_is_lost_or_taken_twice_when_the_log_is_set_aside(tmp_path: Path) -> None:
    """Its writer goes on in the old file for a while, as Envoy does until it opens the new one."""
    path, limits = tmp_path / "denials.log", LogLimits(file_bytes=2_000, files=4)
    taken: list[object] = []
    reader = JsonLines(path, lambda lines: taken.extend(each["n"] for each in lines))
    file, wrote = path.open("a", buffering=1), 0
    for turn in range(12):
        # A flood between two looks fills more than a file.
        for _ in range(1 + 60 * (turn % 3)):
            file.write(json.dumps({"n": wrote, "padding": "x" * 40}) + "\n")
            wrote += 1
        renamed = rotate_beneath(path, limits)
        if turn % 2:
            while reader.read():
                pass
        file.write(json.dumps({"n": wrote}) + "\n")
        wrote += 1
        if renamed:
            file.close()
            file = path.open("a", buffering=1)
        if turn == 6:  # a restart of the reader
            reader = JsonLines(path, reader._take)
    file.close()
    while reader.read():
        pass
    assert taken == list(range(wrote))


def test_a_place_that_cannot_be_kept_is_remembered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk nothing is taken again and again."""
    path = tmp_path / "denials.log"
    path.write_text('{"n": 1}\n')
    taken: list[object] = []
    reader = JsonLines(path, lambda lines: taken.extend(each["n"] for each in lines))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no room"):
        reader.read()
    reader.read()
    assert taken == [1]


def test_a_token_that_could_not_be_recorded_is_recorded_later(log: Path) -> None:
    """The audit log had no room when it was first used."""

    class Full(Events):
        room = False

        def record(self, event: str, /, **facts: Any) -> None:
            if not self.room:
                raise UnwrittenError
            super().record(event, **facts)

    events = Full()
    log.write_text(line(200, user="7", client="c", remote="10.0.0.1"))
    reader = edge_decisions(log, events)
    with pytest.raises(UnwrittenError):
        reader.read()
    events.room = True
    reader.read()
    assert [event for event, _ in events] == ["token.accepted"]
