"""Envoy that ends what is under way before it stops.

    python -m gateway.draining_envoy CONFIG [ADMIN]

ADMIN is the file to which Envoy writes its admin socket; without it, beside CONFIG.

Envoy itself is gone at once when it gets SIGTERM. This runs it and, asked to stop, has it send its
clients away, waits for their calls and then stops it. What Envoy ends with, this ends with. On
SIGUSR1 Envoy opens its logs anew, as it does by itself.
"""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import sys
import time
from pathlib import Path

from gateway.envoy_binary import envoy_binary
from services.platform.runtime.parent_death import die_with_parent

__all__ = ["run"]

# Below the 10 s after which whoever stops processes kills them; a call with a service's default
# deadline has its full time.
DRAIN_S = 8.0
POLL_S = 0.05
ADMIN_TIMEOUT_S = 1.0
# A service's process uses one core, so one thread is enough for what it is asked.
CONCURRENCY = 1
UNDER_WAY = r"^http\.(inbound|outbound)\.downstream_rq_active$"


async def run(config: Path, admin_file: Path) -> int:
    """Run Envoy until SIGTERM or SIGINT; return what it ended with, 0 when it was stopped."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    # That of an earlier run would be somebody else's by now.
    await asyncio.to_thread(admin_file.unlink, missing_ok=True)
    envoy = await asyncio.create_subprocess_exec(
        str(envoy_binary()),
        *("-c", str(config), "--admin-address-path", str(admin_file)),
        # Without hot restart many Envoys can live on one machine, none knowing of the others.
        *("--disable-hot-restart", "--concurrency", str(CONCURRENCY)),
        *("--drain-time-s", f"{DRAIN_S:.0f}", "--drain-strategy", "immediate"),
        # Signals for the group of this process are for this process.
        process_group=0,
        preexec_fn=die_with_parent,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _reopen_logs, envoy)
    ended, asked = asyncio.create_task(envoy.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        return ended.result()
    await asyncio.to_thread(_drain, admin_file)
    if not ended.done():
        envoy.terminate()
    await ended
    return 0


def _reopen_logs(envoy: asyncio.subprocess.Process) -> None:
    if envoy.returncode is None:
        envoy.send_signal(signal.SIGUSR1)


def _drain(admin_file: Path) -> None:
    """Return when no call is under way any more, or the time for it is up."""
    deadline = time.monotonic() + DRAIN_S
    # Where it was not even up, or is gone, there is nothing to wait for.
    with contextlib.suppress(OSError, http.client.HTTPException):
        admin = admin_file.read_text().strip()
        _ask(admin, "POST", "/drain_listeners?graceful")
        while _any_under_way(admin) and time.monotonic() < deadline:
            time.sleep(POLL_S)


def _any_under_way(admin: str) -> bool:
    stats = json.loads(_ask(admin, "GET", f"/stats?format=json&filter={UNDER_WAY}"))["stats"]
    return any(each.get("value", 0) for each in stats)


class _OverSocket(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__("admin", timeout=ADMIN_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in place of a host and port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _ask(admin: str, method: str, path: str) -> bytes:
    connection = _OverSocket(admin)
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


if __name__ == "__main__":
    paths = [Path(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(run(paths[0], paths[1] if paths[1:] else paths[0].with_suffix(".admin"))))
