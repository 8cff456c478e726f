"""What a deleted user has muted goes with the account."""

import pytest

from services.graph.erasure import SETTLE_MS
from services.platform.errors import CallAgain
from tests.unit.graph.test_erasure import GONE, erasure_of
from tests.unit.graph.world import World


async def test_it_is_removed_with_whatever_came_late(world: World) -> None:
    await world.muted_words.add(GONE, "fox")
    await world.muted_words.add(1, "owl")
    deleted_at_ms = world.clock.ms
    erases = erasure_of(world)
    with pytest.raises(CallAgain):
        await erases.erase(GONE, deleted_at_ms)
    assert set(await world.words.muted_words([GONE, 1])) == {1}
    # Of a request that was under way.
    await world.muted_words.add(GONE, "owl")
    world.clock.ms += SETTLE_MS
    await erases.erase(GONE, deleted_at_ms)
    assert set(await world.words.muted_words([GONE, 1])) == {1}
    assert world.forgotten[-1] == {GONE}
