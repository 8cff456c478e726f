"""Envoy that ends what is under way before it stops.

    python -m gateway.draining_envoy [--drain-s S] [--concurrency THREADS] [--hot-restart FOLDER]
        CONFIG [ADMIN]

ADMIN is the file to which Envoy writes its admin socket; without it, beside CONFIG.

Envoy itself is gone at once when it gets SIGTERM. This runs it and, asked to stop, has it send its
clients away, waits for their calls and then stops it; asked again, it waits no more. What Envoy
ends with, this ends with. On SIGUSR1 Envoy opens its logs anew, as it does by itself. On SIGUSR2,
with a FOLDER for sockets, another Envoy takes its place and reads CONFIG anew (`envoy_processes`).
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
from gateway.envoy_processes import CannotReplaceError, EnvoyProcesses
from services.platform.observability.version import aviary_version
from services.platform.runtime.ending import Ending

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
    config: Path,
    admin_file: Path,
    *,
    drain_s: int = DRAIN_S,
    concurrency: int = CONCURRENCY,
    hot_restart: Path | None = None,
) -> int:
    """Run Envoy until SIGTERM or SIGINT; return what it ended with, 0 when it was stopped.

    `hot_restart` is a folder for sockets, which its owner alone may enter: with it, another Envoy
    takes this one's place on SIGUSR2.
    """
    ending = Ending.by_signals(within_s=drain_s + END_S, hurried_s=END_S)
    options = ["--admin-address-path", str(admin_file), "--concurrency", str(concurrency)]
    envoys = EnvoyProcesses(config, options, folder=hot_restart, drain_s=drain_s)
    replaced = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, envoys.reopen_logs)
    loop.add_signal_handler(signal.SIGUSR2, replaced.set)
    # That of an earlier run would be somebody else's by now.
    await asyncio.to_thread(admin_file.unlink, missing_ok=True)
    await envoys.start()
    replacing = asyncio.create_task(_replace_when(replaced, envoys))
    ended, asked = asyncio.create_task(envoys.wait()), asyncio.create_task(ending.wanted.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    replacing.cancel()
    code = ended.result() if ended.done() else 0
    if not ended.done():
        await asyncio.to_thread(_drain, admin_file, drain_s, ending.hurried)
    await envoys.end(TERMINATE_S)
    return code


async def _replace_when(asked: asyncio.Event, envoys: EnvoyProcesses) -> None:
    """Replace the Envoy each time that it is asked for."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            await envoys.replace()
        except (CannotReplaceError, OSError) as error:
            sys.stderr.write(f"nothing takes this Envoy's place: {error}\n")


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
    parser.add_argument("--hot-restart", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    config: Path = asked.config.absolute()
    running = run(
        config,
        asked.admin.absolute() if asked.admin else config.with_suffix(".admin"),
        drain_s=asked.drain_s,
        concurrency=asked.concurrency,
        hot_restart=asked.hot_restart and asked.hot_restart.absolute(),
    )
    return asyncio.run(running)


if __name__ == "__main__":
    sys.exit(main())
