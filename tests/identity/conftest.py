from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.identity.world import World, identity_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with identity_world(tmp_path) as made:
        yield made
