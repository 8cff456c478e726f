"""Envoy that ends what is under way before it stops.

    python -m gateway.draining_envoy [--drain-s S] [--concurrency THREADS] CONFIG [ADMIN]

ADMIN is the file to which Envoy writes its admin socket; without it, beside CONFIG.

Envoy itself is gone at once when it gets SIGTERM. This runs it and, asked to stop, has it send its
clients away, waits for their calls and then stops it; asked again, it waits no more. What Envoy
ends with, this ends with. On SIGUSR1 Envoy opens its logs anew, as it does by itself.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import signal
import sys
import time
from pathlib import Path

from gateway.envoy_admin import ask
from gateway.envoy_binary import envoy_binary
from services.platform.observability.version import aviary_version
from services.platform.runtime.ending import Ending
from services.platform.runtime.parent_death import die_with_parent

__all__ = ["DRAIN_S", "END_S", "run"]

# A call with a service's default deadline has its full time.
DRAIN_S = 8
TERMINATE_S = 1.0
END_S = 5
"""After the drain, or a second signal: two answers of Envoy's, its end, and a busy machine."""
POLL_S = 0.05
# A service's process uses one core, so one thread is enough for what it is asked.
CONCURRENCY = 1
UNDER_WAY = r"^http\.(edge|inbound|outbound)\.downstream_rq_active$"


async def run(
    config: Path, admin_file: Path, *, drain_s: int = DRAIN_S, concurrency: int = CONCURRENCY
) -> int:
    """Run Envoy until SIGTERM or SIGINT; return what it ended with, 0 when it was stopped."""
    ending = Ending.by_signals(within_s=drain_s + END_S, hurried_s=END_S)
    # That of an earlier run would be somebody else's by now.
    await asyncio.to_thread(admin_file.unlink, missing_ok=True)
    envoy = await asyncio.create_subprocess_exec(
        str(envoy_binary()),
        *("-c", str(config), "--admin-address-path", str(admin_file)),
        # Without hot restart many Envoys can live on one machine, none knowing of the others.
        *("--disable-hot-restart", "--concurrency", str(concurrency)),
        *("--drain-time-s", str(drain_s), "--drain-strategy", "immediate"),
        # Signals for the group of this process are for this process.
        process_group=0,
        preexec_fn=die_with_parent,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _reopen_logs, envoy)
    ended, asked = asyncio.create_task(envoy.wait()), asyncio.create_task(ending.wanted.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        return ended.result()
    await asyncio.to_thread(_drain, admin_file, drain_s, ending.hurried)
    if not ended.done():
        envoy.terminate()
        await asyncio.wait({ended}, timeout=TERMINATE_S)
    if not ended.done():
        envoy.kill()  # it hangs, and would outlive this
    await ended
    return 0


def _reopen_logs(envoy: asyncio.subprocess.Process) -> None:
    if envoy.returncode is None:
        envoy.send_signal(signal.SIGUSR1)


def _drain(admin_file: Path, drain_s: int, hurried: asyncio.Event) -> None:
    """Return when no call is under way any more, or the time for it is up, or in a hurry."""
    deadline = time.monotonic() + drain_s
    # Where it was not even up, or is gone, there is nothing to wait for.
    with contextlib.suppress(OSError, http.client.HTTPException):
        admin = admin_file.read_text().strip()
        ask(admin, "POST", "/drain_listeners?graceful")
        while _any_under_way(admin) and time.monotonic() < deadline and not hurried.is_set():
            time.sleep(POLL_S)


def _any_under_way(admin: str) -> bool:
    stats = json.loads(ask(admin, "GET", f"/stats?format=json&filter={UNDER_WAY}"))["stats"]
    return any(each.get("value", 0) for each in stats)


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(
        description="Envoy that ends what is under way before it stops."
    )
    version = f"%(prog)s {aviary_version()}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("config", type=Path)
    parser.add_argument("admin", type=Path, nargs="?")
    parser.add_argument("--drain-s", type=int, default=DRAIN_S)
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY)
    asked = parser.parse_args()
    admin = asked.admin or asked.config.with_suffix(".admin")
    drain = run(asked.config, admin, drain_s=asked.drain_s, concurrency=asked.concurrency)
    return asyncio.run(drain)


if __name__ == "__main__":
    sys.exit(main())
