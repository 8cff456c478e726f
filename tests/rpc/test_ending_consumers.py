"""The consumers of one process end at the same time, and before anything that they use."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.cli.serving import running
from services.fanout.consumers import FanoutConsumers
from services.fanout.spec import AUTHOR, GRAPH, PLAN
from services.platform.bus import receiving
from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.config.settings import Settings
from services.platform.specs import all_specs, all_subscriptions
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port

WAIT_S = 60.0
APART_S = 10.0
"""From the first that is cut off to the last; one after the other they wait as long each."""
HANDLERS = {PLAN: "plan", AUTHOR: "tweets_changed", GRAPH: "relations_changed"}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "valkey").mkdir()
    with valkey_node(tmp_path / "valkey") as port:
        yield replace(
            Settings.from_environment({"AVIARY_DATA_DIR": str(tmp_path)}),
            addresses={name: f"127.0.0.1:{free_port()}" for name in all_specs()},
            bus_valkey_url=f"redis://127.0.0.1:{port}/0",
            cache_valkey_url=f"redis://127.0.0.1:{port}/1",
        )


async def test_handlers_of_every_subscription_end_side_by_side(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a message until it is cut off, and then waits for the others to be cut off."""
    monkeypatch.setattr(receiving, "DRAIN_S", 0.1)
    in_hand, cut_off = asyncio.Barrier(len(HANDLERS) + 1), asyncio.Barrier(len(HANDLERS))
    ended: list[str] = []

    for name in HANDLERS.values():

        async def held(_self: FanoutConsumers, _data: bytes, name: str = name) -> None:
            await in_hand.wait()
            try:
                await asyncio.Event().wait()
            finally:
                async with asyncio.timeout(APART_S):
                    await cut_off.wait()
                ended.append(name)

        monkeypatch.setattr(FanoutConsumers, name, held)
    bus = ValkeyStreamsDriver(settings.bus_valkey_url, all_subscriptions(), visibility_s=60)
    async with asyncio.timeout(WAIT_S), running("fanout", settings):
        await bus.declare(all_subscriptions())
        for topic in {each.topic for each in HANDLERS}:
            await bus.publish(topic, [Message(b"held")])
        await in_hand.wait()
    await bus.close()
    assert sorted(ended) == sorted(HANDLERS.values())
