"""The engines that the row store contract runs on, as fixtures to import."""

import contextlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.clock import SystemClock
from services.storage.outbox import OUTBOX_TABLE
from services.storage.rows import RowStore, TableSpec
from services.storage.sqlite.rows import SqliteRowStore

__all__ = ["TABLES", "bigtable_emulator", "store"]

TABLES = (TableSpec("first"), TableSpec("second"), TableSpec("aging", max_age_s=60), OUTBOX_TABLE)
START_TIMEOUT_S = 15.0
POLL_S = 0.05


def _sdk_root() -> Path | None:
    if root := os.environ.get("AVIARY_GCLOUD_SDK_ROOT"):
        return Path(root)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["gcloud", "info", "--format=value(installation.sdk_root)"]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return Path(found.stdout.strip())
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        assert process.poll() is None, "the Bigtable emulator ended at its start"
        assert time.monotonic() < deadline, "the Bigtable emulator does not answer"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(POLL_S)


@pytest.fixture(scope="module")
def bigtable_emulator() -> Iterator[str]:
    """Address of an emulator of the module's own; synchronous, so that no loop scope matters."""
    root = _sdk_root()
    program = None if root is None else root / "platform/bigtable-emulator/cbtemulator"
    if program is None or not program.exists():
        message = "the Bigtable emulator is missing: gcloud components install bigtable"
        if os.environ.get("REQUIRE_EMULATORS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    port = _free_port()
    process = subprocess.Popen(
        [str(program), "-host", "127.0.0.1", "-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_port(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[RowStore]:
    opened = SqliteRowStore(path, TABLES, SystemClock())
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def _bigtable() -> AsyncIterator[RowStore]:
    # Imported late: machines without the Google client still run the SQLite half.
    from services.storage.bigtable.rows import BigtableRowStore  # noqa: PLC0415
    from services.storage.bigtable.schema import ensure_schema  # noqa: PLC0415

    # An instance of its own gives each test empty tables.
    instance = f"test-{uuid.uuid4().hex}"
    await ensure_schema("test", instance, TABLES)
    opened = BigtableRowStore("test", instance, TABLES, SystemClock())
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(params=["sqlite", "bigtable"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RowStore]:
    """An empty store of each engine in turn."""
    if request.param == "sqlite":
        async with _sqlite(tmp_path / "rows.db") as opened:
            yield opened
        return
    monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", request.getfixturevalue("bigtable_emulator"))
    async with _bigtable() as opened:
        yield opened
