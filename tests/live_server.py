"""A live service in a process of its own, over a home timeline of a full page."""

import asyncio
import sys

# What a process of the service has loaded besides.
import services.cli.serving
import services.live.app  # noqa: F401
from services.live.stream import KEPT
from services.platform.rpc.server import RpcServer
from tests.live_world import Cache, World, served, streams_of

ANY = 1_000_000


async def main() -> None:
    """Serve until killed; print where."""
    world = World()
    for number in range(KEPT):
        world.post(ago_s=100 - number, text="a text of some length " * 10)
    server = RpcServer("127.0.0.1:0", [served(streams_of(world, Cache(most=ANY)))])
    await server.start()
    sys.stdout.write(f"address {server.address}\n")
    sys.stdout.flush()
    await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
