"""Row keys as they are on disk are those that the tables' declarations show to readers."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.platform.rows.port import TableSpec
from services.platform.specs import all_specs
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop

HEX_FIELD = re.compile(r"\\\{[^:{}]*:0(\d+)x\\\}")
ONE_ID = re.compile(r"column \{[^{}]*\}")
TEXT_FIELD = re.compile(r"\\\{[^{}]*\\\}")


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    started = start(tmp_path / "data")
    yield started
    assert stop(started) == 0


def test_row_keys_are_as_declared(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    follow(mesh, bob, ada)
    mesh.rest.post("/v1/mute", json={"muter_id": bob, "muted_id": cyd}).raise_for_status()
    mesh.rest.post("/v1/block", json={"blocker_id": ada, "blocked_id": cyd}).raise_for_status()
    tweet = post(mesh, ada, request_id="once")
    eventually(lambda: home(mesh, bob), [tweet])

    tables = {table.name: table for spec in all_specs().values() for table in spec.tables}
    found = dict(rows(mesh.data_dir, tables))
    seen = {name for name, keys in found.items() if keys}
    assert seen >= {"following", "followers", "muting", "blocking", "blocked_by", "home", "tweets"}
    for name in seen:
        declared, wide = pattern(tables[name])
        for key, columns in found[name].items():
            assert declared.fullmatch(key.decode()), f"{name}: {key!r} is no {tables[name].key}"
            # A column for each id, eight bytes of it.
            assert not wide or any(len(column) == 8 for column in columns), name


def pattern(table: TableSpec) -> tuple[re.Pattern[str], bool]:
    """Of the keys of a table, and whether it has a column for each of many ids."""
    assert table.key, f"{table.name} does not say how its keys are built"
    key, _, more = table.key.partition(", ")
    escaped = HEX_FIELD.sub(lambda field: f"[0-9a-f]{{{int(field[1])}}}", re.escape(key))
    return re.compile(TEXT_FIELD.sub(".+", escaped)), ONE_ID.fullmatch(more) is not None


def rows(
    data_dir: Path, tables: dict[str, TableSpec]
) -> Iterator[tuple[str, dict[bytes, list[bytes]]]]:
    """Each table with its rows' keys and columns."""
    for path in data_dir.glob("*.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            for name in names & tables.keys():
                keys: dict[bytes, list[bytes]] = {}
                for key, column in connection.execute(f'SELECT key, col FROM "{name}"'):  # noqa: S608
                    keys.setdefault(bytes(key), []).append(bytes(column))
                yield name, keys
