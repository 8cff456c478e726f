"""What tells a Valkey that hangs from one that is busy, loading, or refuses who asks."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from services.local import signs
from services.local.signs import ValkeyWorks
from services.local.valkey_binary import valkey_binary
from tests.processes import free_port, kill_group, spawn, wait_for_port

PASSWORD = "secret"  # noqa: S105 - of this test's server
TIMEOUT_S = 0.2
LONG_S = 30.0
"""Longer than all looks at it."""
WITHOUT_END = "while true do end"
LOOKS = 3


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self) -> Redis:
        return Redis(port=self.port, password=PASSWORD, socket_timeout=LONG_S)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(signs, "TIMEOUT_S", TIMEOUT_S)
    port = free_port()
    argv = [str(valkey_binary()), "--bind", "127.0.0.1", "--port", str(port)]
    argv += ["--dir", str(tmp_path), "--save", "", "--requirepass", PASSWORD]
    process = spawn([*argv, "--enable-debug-command", "yes"])
    wait_for_port(process, port)
    yield Server(process, port)
    kill_group(process)


@contextlib.contextmanager
def asked(server: Server, ask: Callable[[Redis], object]) -> Iterator[None]:
    """Have somebody wait for an answer that does not come."""

    def wait() -> None:
        with contextlib.suppress(RedisError), server.client() as client:
            ask(client)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    yield
    server.process.kill()
    thread.join()


async def until_silent(server: Server) -> None:
    """Wait until a look at it, which is not `ValkeyWorks`, is not answered."""
    deadline = time.monotonic() + LONG_S
    while await signs._answers(server.port, signs.PING):
        assert time.monotonic() < deadline, "it still answers"
        await asyncio.sleep(0.01)


async def test_one_that_wants_a_password_lives(server: Server) -> None:
    sign = ValkeyWorks(server.port)
    assert [await sign.seen(server.pid) for _ in range(LOOKS)] == [True] * LOOKS


async def test_one_that_pauses_its_clients_lives(server: Server) -> None:
    sign = ValkeyWorks(server.port)
    with server.client() as client:
        client.client_pause(int(LONG_S * 1_000))
    assert [await sign.seen(server.pid) for _ in range(LOOKS)] == [True] * LOOKS


async def test_one_that_is_stopped_hangs(server: Server) -> None:
    sign = ValkeyWorks(server.port)
    assert await sign.seen(server.pid)
    os.kill(server.pid, signal.SIGSTOP)
    await until_silent(server)
    # What it worked before it was stopped counts once.
    await sign.seen(server.pid)
    assert [await sign.seen(server.pid) for _ in range(LOOKS)] == [False] * LOOKS
    os.kill(server.pid, signal.SIGCONT)
    assert await sign.seen(server.pid)


async def test_one_with_a_long_command_lives(server: Server) -> None:
    sign = ValkeyWorks(server.port)
    assert await sign.seen(server.pid)
    with asked(server, lambda client: client.eval(WITHOUT_END, 0)):
        await until_silent(server)
        assert [await sign.seen(server.pid) for _ in range(LOOKS)] == [True] * LOOKS


async def test_one_that_only_waits_hangs(server: Server) -> None:
    sign = ValkeyWorks(server.port)
    assert await sign.seen(server.pid)
    with asked(server, _sleep):
        await until_silent(server)
        await sign.seen(server.pid)
        assert [await sign.seen(server.pid) for _ in range(LOOKS)] == [False] * LOOKS


async def test_one_that_is_not_there_gives_no_sign(server: Server) -> None:
    kill_group(server.process)
    assert not await ValkeyWorks(server.port).seen(server.pid)


def _sleep(client: Redis) -> None:
    client.execute_command("DEBUG", "SLEEP", LONG_S)  # type: ignore[no-untyped-call]
