"""Waiting until children answer, and the ports on which they will."""

import asyncio
import atexit
import contextlib
import http.client
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.envoy_admin import unreached
from services.local.errors import StartError

__all__ = ["HOST", "READY", "accepting", "free_ports", "ready", "require_free"]

HOST = "127.0.0.1"
READY = "Aviary is ready"
"""What is printed once it is, for people and for who starts it."""
# A first start compiles Python, Google's clients in five processes at once among it, and replays
# the bus's log; more than this means it never comes.
READY_TIMEOUT_S = 120.0
# A look costs tens of microseconds, and whoever waits for the start waits for the last of them.
POLL_S = 0.02
# One at the edge's health is a request to every service.
HEALTH_POLL_S = 0.05
# One look at the edge's health; it answers from memory.
HEALTH_TIMEOUT_S = 2.0


_held = contextlib.ExitStack()
atexit.register(_held.close)


def free_ports(count: int) -> list[int]:
    """Give `count` ports that nobody listens on.

    They stay bound here, which keeps the system from giving one to anybody's connection before a
    child listens there, or while it is being restarted. A child can listen all the same: both say
    that addresses may be shared, and nobody listens here.
    """
    sockets = [_held.enter_context(socket.socket()) for _ in range(count)]
    for one in sockets:
        # Servers say the one or the other.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((HOST, 0))
    return [int(one.getsockname()[1]) for one in sockets]


def require_free(port: int) -> None:
    """Raise `StartError` when the edge's port is taken."""
    with socket.socket() as probe:
        # A port whose last connections are still closing is free to Envoy, and so to this.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(f"edge port {port}: {error.strerror}; choose another") from error


async def accepting(ports: Sequence[int | Path], stop: asyncio.Event) -> bool:
    """Wait until every port or Unix socket takes connections; False when `stop` is set first."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    for port in ports:
        while not stop.is_set():
            try:
                _, writer = await (
                    asyncio.open_unix_connection(port)
                    if isinstance(port, Path)
                    else asyncio.open_connection(HOST, port)
                )
            except OSError:
                if time.monotonic() > deadline:
                    raise StartError(f"port {port} does not answer; see the logs") from None
                await asyncio.sleep(POLL_S)
            else:
                writer.close()
                break
    return not stop.is_set()


async def ready(edge_port: int, admin: Path, stop: asyncio.Event, data_dir: Path) -> bool:
    """Wait until the edge says that all are ready, and reaches all; False when `stop` is set first.

    `admin` is the socket of the edge's admin interface.
    """
    deadline = time.monotonic() + READY_TIMEOUT_S
    shown = ""
    while not stop.is_set():
        state = await asyncio.to_thread(_missing, edge_port, admin)
        if not state:
            return True
        if state != shown:
            click.echo(f"waiting: {state}")
            shown = state
        if time.monotonic() > deadline:
            raise StartError(f"after {READY_TIMEOUT_S:.0f} s: {state}; see {data_dir / 'logs'}")
        await asyncio.sleep(HEALTH_POLL_S)
    return False


def _missing(edge_port: int, admin: Path) -> str:
    """Say what is not ready, or not reached by the edge; nothing when all is."""
    return _health(edge_port) or _unreached(admin)


def _unreached(admin: Path) -> str:
    """Say what the edge sends no calls to, as its first look at it came too early."""
    try:
        missing = unreached(str(admin))
    except (OSError, http.client.HTTPException):
        return "the edge's admin interface does not answer yet"
    return f"the edge does not reach {', '.join(missing)} yet" if missing else ""


def _health(edge_port: int) -> str:
    connection = http.client.HTTPConnection(HOST, edge_port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return "the edge does not answer yet"
    finally:
        connection.close()
    return "" if answer.status == http.HTTPStatus.OK else str(json.loads(body)["message"])
