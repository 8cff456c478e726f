"""An Aviary of the benchmark's own, started as `make run` starts one, with all protections on."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
import grpc.aio
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs
from redis import Redis

from bench.costs import cpu_seconds, resident_bytes
from bench.environment import environment
from bench.errors import BenchError
from bench.queues import undelivered
from services.identity.operator_client import OPERATOR_CLIENT_ID
from services.local.operator_file import OperatorError, fetch_token, read_operator
from services.local.readiness import HOST, READY, free_ports
from services.platform.config.signing_keys import key_file
from services.platform.files import local_addresses
from services.platform.rpc.channels import open_channel
from services.platform.rpc.operator import (
    operator_channel,
    operator_files,
    operator_signing_keys,
)
from services.platform.runtime.clock import SystemClock
from services.platform.security.identities import EDGE
from services.platform.security.signing import Signer
from services.platform.security.tls import TlsFiles
from services.platform.valkey.connection import open_blocking

__all__ = ["Aviary", "channel_of_edge", "running"]

READY_S = 180.0
STOP_S = 150.0
POLL_S = 0.05
# A token lives for longer; getting one costs the issuer a signature.
TOKEN_S = 240.0
TOKEN_WITHIN_S = 30.0
VALKEY_TIMEOUT_S = 30.0
BUSY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
DRAINED_WITHIN_S = 1_800.0
"""Far beyond what the largest graph takes; a queue that stands still must end the run."""
EMPTY_LOOKS = 2
"""Queues are counted one after the other, and a message of one makes messages of another."""
SETTINGS = {
    # Tokens of many users are got by one app, the operator's: real users have many apps.
    "AVIARY_FIRST_PARTY_CLIENTS": OPERATOR_CLIENT_ID,
}


@dataclass(slots=True)
class Aviary:
    """A running Aviary."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    ready_after_s: float
    _token: str = ""
    _token_until: float = field(default=0.0)

    @property
    def url(self) -> str:
        """The edge's."""
        return f"http://{HOST}:{self.port}"

    def token(self) -> str:
        """Give an access token of the operator's, which acts for anybody."""
        if time.monotonic() > self._token_until:
            self._token = self.token_of(None)
            self._token_until = time.monotonic() + TOKEN_S
        return self._token

    def token_of(self, handle: str | None) -> str:
        """Get a token of a user's own, as an app gets one; None is the operator's."""
        deadline = time.monotonic() + TOKEN_WITHIN_S
        while True:
            try:
                return fetch_token(read_operator(self.data_dir), handle=handle)
            except OperatorError as error:
                # On a busy machine the issuer may be late for once.
                if time.monotonic() > deadline:
                    raise BenchError(str(error)) from error
                time.sleep(POLL_S)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return cpu_seconds(self.process.pid)

    def memory(self) -> dict[str, int]:
        """Resident bytes, by process."""
        return resident_bytes(self.process.pid)

    def cache(self) -> Redis:
        """Open the Valkey of hot timelines."""
        return open_blocking(self.cache_url(), timeout_s=VALKEY_TIMEOUT_S)

    def cache_url(self) -> str:
        """Give the URL of that Valkey, as services have it."""
        return read_operator(self.data_dir).environment["AVIARY_CACHE_VALKEY_URL"]

    def channel(self, service: str) -> grpc.aio.Channel:
        """Open a channel to a service as the operator."""
        keys = operator_signing_keys(self.data_dir)
        signer = None if keys is None else Signer(key_file(keys), SystemClock())
        files, address = operator_files(self.data_dir), _address(self.data_dir, service)
        return operator_channel(files, service, address, signer=signer)

    def drain(self, poll_s: float = POLL_S) -> None:
        """Wait until all that was posted and followed is delivered, with nothing given up."""
        asyncio.run(self._drain(poll_s))

    async def _drain(self, poll_s: float) -> None:
        async with self.channel("fanout") as channel:
            fanout = stubs.FanoutServiceStub(channel)
            deadline = time.monotonic() + DRAINED_WITHIN_S
            empty = 0
            while empty < EMPTY_LOOKS:
                if await _is_left(self.data_dir, fanout):
                    empty = 0
                    await asyncio.sleep(poll_s)
                else:
                    empty += 1
                if time.monotonic() > deadline:
                    raise BenchError("the queues do not drain")

    @classmethod
    def start(cls, data_dir: Path) -> Self:
        """Start one and wait until it is ready. Raises `BenchError`."""
        (port,) = free_ports(1)
        process, ready_after_s = _started(data_dir, port)
        return cls(process, port, data_dir, ready_after_s)

    def restart(self) -> None:
        """Stop it and start it again, on the data and the port that it had."""
        self.stop()
        self.process, self.ready_after_s = _started(self.data_dir, self.port)

    def stop(self) -> None:
        """Stop all of it."""
        _end(self.process)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[Aviary]:
    """Run an Aviary until the end."""
    one = Aviary.start(data_dir)
    try:
        yield one
    finally:
        one.stop()


def channel_of_edge(data_dir: Path, service: str) -> grpc.aio.Channel:
    """Open a channel to a service of the Aviary that runs there, as its edge does."""
    files = operator_files(data_dir)
    tls = None if files is None else TlsFiles(files, EDGE).towards(service)
    return open_channel(_address(data_dir, service), (), tls=tls)


def _address(data_dir: Path, service: str) -> str:
    addresses = local_addresses.found(data_dir)
    if addresses is None:
        raise BenchError("no Aviary runs")
    return addresses[service]


async def _is_left(data_dir: Path, fanout: "stubs.FanoutServiceAsyncStub") -> bool:
    """Say whether something is undelivered, as far as is known: the fan-out may be too busy."""
    try:
        return bool(await undelivered(data_dir, fanout))
    except grpc.aio.AioRpcError as error:
        if error.code() not in BUSY:
            raise
        return True


def _started(data_dir: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start one; give the process, and the seconds until it was ready."""
    log = data_dir.parent / "up.log"
    command = [sys.executable, "-m", "services", "up", "--data-dir", str(data_dir)]
    before = log.stat().st_size if log.exists() else 0
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--edge-port", str(port)],
            stdout=output,
            stderr=output,
            env={**environment(), **SETTINGS},
        )
    try:
        while time.monotonic() < began + READY_S and process.poll() is None:
            if READY.encode() in log.read_bytes()[before:]:
                return process, time.monotonic() - began
            time.sleep(POLL_S)
    except BaseException:  # such as a signal to end
        _end(process)
        raise
    _end(process)
    raise BenchError(f"Aviary does not start: {log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(timeout=STOP_S)
