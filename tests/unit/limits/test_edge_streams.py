"""The stream on which an edge hears of its filters' settings, and what is left of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.reputation import ReputationRules
from services.platform.rpc.interceptors import Context
from services.platform.runtime.clock import SystemClock


async def test_nothing_waits_for_an_edge_that_is_gone() -> None:
    sources = Sources(None, None, lambda: False)  # type: ignore[arg-type] - nobody is asked
    servicer = ExtensionConfigServicer(sources, SystemClock(), ReputationRules())

    async def requests() -> AsyncIterator[pb.DiscoveryRequest]:
        await asyncio.Event().wait()
        yield pb.DiscoveryRequest()

    before = asyncio.all_tasks()
    stream = servicer.StreamExtensionConfigs(requests(), cast("Context", None))
    sending = asyncio.ensure_future(anext(stream))
    # It waits for the edge, for a change, and for the edge's end.
    while len(asyncio.all_tasks() - before) < 4:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    left = asyncio.all_tasks() - before
    await asyncio.sleep(0)
    assert all(task.done() for task in left), left
