"""Scanners: a list of digests that is watched, and a server that speaks ClamAV's INSTREAM.

The server here is one of the test's making: it reads the protocol by `clamd(8)`, byte for byte, and
finds what it was told to.
"""

import asyncio
import contextlib
import hashlib
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.media import clamd
from services.media.blocked_hashes import BlockedHashes, parse_hashes
from services.media.clamd import ClamdScanner
from services.platform.errors import UnavailableError
from services.platform.files import watched_file
from tests.processes import free_port

BAD, GOOD = b"known bad", b"good"
DIGEST = hashlib.sha256(BAD).hexdigest()


async def test_what_is_on_the_list_is_found_by_its_label(tmp_path: Path) -> None:
    path = tmp_path / "hashes"
    path.write_text(f"# known\n{DIGEST.upper()} case 7  # noted\n\n")
    hashes = BlockedHashes(path)
    assert await hashes.scan(BAD, DIGEST) == "hash list: case 7"
    assert await hashes.scan(GOOD, hashlib.sha256(GOOD).hexdigest()) is None


async def test_a_new_list_is_followed_and_a_bad_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_file, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "hashes"
    path.write_text("")
    hashes = BlockedHashes(path)
    assert await hashes.scan(BAD, DIGEST) is None
    path.write_text(DIGEST)
    assert await hashes.scan(BAD, DIGEST) == "hash list: unnamed"
    path.write_text("not a digest")
    assert await hashes.scan(BAD, DIGEST) == "hash list: unnamed"
    path.unlink()
    assert await hashes.scan(BAD, DIGEST) == "hash list: unnamed"


@pytest.mark.parametrize("text", ["abc", "g" * 64, "0" * 63 + " label"])
def test_a_line_that_is_wrong_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse_hashes(f"\n{text}")


class Daemon:
    """Answers INSTREAM as `clamd` does."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.answer = b"stream: OK\0"
        self.hangs = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            assert await reader.readexactly(10) == b"zINSTREAM\0"
            data = b""
            while length := struct.unpack(">I", await reader.readexactly(4))[0]:
                data += await reader.readexactly(length)
            self.got.append(data)
            if self.hangs:
                await reader.read()
            writer.write(b"stream: Eicar-Test FOUND\0" if BAD in data else self.answer)
            await writer.drain()


@pytest.fixture
async def daemon() -> AsyncIterator[tuple[Daemon, ClamdScanner]]:
    made = Daemon()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield made, ClamdScanner(f"127.0.0.1:{port}")
    server.close()


async def test_the_daemon_gets_all_bytes_and_says_what_it_finds(
    daemon: tuple[Daemon, ClamdScanner],
) -> None:
    made, scanner = daemon
    large = os.urandom(1_000_000)
    assert await scanner.scan(large, "") is None
    assert await scanner.scan(large + BAD, "") == "clamd: Eicar-Test"
    assert made.got == [large, large + BAD]


@pytest.mark.parametrize(
    "answer",
    [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK", b"x" * 5_000, b"\xff\0"],
)
async def test_without_a_verdict_nothing_is_known(
    daemon: tuple[Daemon, ClamdScanner], answer: bytes
) -> None:
    daemon[0].answer = answer
    with pytest.raises(UnavailableError):
        await daemon[1].scan(GOOD, "")


async def test_a_daemon_that_hangs_is_not_waited_for(
    daemon: tuple[Daemon, ClamdScanner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clamd, "SCAN_S", 0.05)
    daemon[0].hangs = True
    with pytest.raises(UnavailableError):
        await daemon[1].scan(GOOD, "")


async def test_a_daemon_that_is_away_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        await ClamdScanner(f"127.0.0.1:{free_port()}").scan(GOOD, "")
