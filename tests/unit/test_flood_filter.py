"""A library that logs the same thing thousands of times a second does not fill the log."""

import logging
import resource
import subprocess
import sys
from pathlib import Path

from services.platform.observability.flood_filter import MOST, FloodFilter

OUT_OF_DESCRIPTORS = """
import asyncio, os, resource, socket
from starlette.applications import Starlette
from services.platform.http.listener import Listener
from services.platform.observability.setup import configure

configure("identity", None, "info")

async def main():
    listener = Listener("127.0.0.1:0", Starlette())
    await listener.start()
    # Whatever it needs for its first answer is there by then.
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
    await reader.readline()
    clients = [socket.socket() for _ in range(5)]
    spare = os.open("/dev/null", os.O_RDONLY)  # the lowest number that is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, spare + 1))
    for client in clients:
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", listener.port))
    # Its retry comes after a second.
    await asyncio.sleep(2.5)
    os._exit(0)

asyncio.run(main())
"""


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("asyncio", logging.ERROR, "", 0, message, arguments, None)


def test_the_first_of_a_kind_go_through_each_second() -> None:
    """Other kinds do too; how many were left out is in the next line."""
    now = 0.0
    flood = FloodFilter(lambda: now)
    passed = [flood.filter(record("fails with %d", number)) for number in range(3 * MOST)]
    assert passed == [True] * MOST + [False] * 2 * MOST
    assert flood.filter(record("another"))
    now = 1.0
    last = record("fails with %d", 1)
    assert flood.filter(last)
    assert last.getMessage() == f"fails with 1 ({2 * MOST} more were left out)"
    again = record("fails with %d", 2)
    assert flood.filter(again)
    assert again.getMessage() == "fails with 2"


def test_a_process_out_of_descriptors_does_not_fill_its_log(tmp_path: Path) -> None:
    """The issuer's listener cannot accept, and says so a few times a second."""
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", OUT_OF_DESCRIPTORS]
        assert subprocess.run(command, stderr=output, check=False).returncode == 0
    lines = log.read_text().splitlines()
    assert any("socket.accept() out of system resource" in line for line in lines)
    assert len(lines) < 100, len(lines)
