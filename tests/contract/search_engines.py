"""The engines of the search index, each with one index that can be opened again and again."""

import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock, SystemClock
from services.search.opensearch_client import open_client
from services.search.opensearch_index import OpenSearchIndex
from services.search.opensearch_state import OpenSearchState
from services.search.ports import SearchIndex
from services.search.tantivy_index import TantivyIndex
from tests.contract.opensearch_stand_in import opensearch_stand_in

__all__ = [
    "Cluster",
    "OpenSearchEngine",
    "SearchEngine",
    "TantivyEngine",
    "cluster",
    "engine_named",
    "search_engine",
]

TIMEOUT_S = 30.0
"""Longer than in a process that serves: the machine of the tests may be busy."""
FASTER = 20
"""Than the wall's clock a lease's runs: a holder that was killed is missed in a second."""


@dataclass(frozen=True)
class TantivyEngine:
    folder: Path

    @property
    def name(self) -> str:
        return f"tantivy {self.folder}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[SearchIndex, bool]]:
        index = TantivyIndex(self.folder / "index")
        empty = await index.open()
        try:
            yield index, empty
        finally:
            await index.close()


@dataclass(frozen=True)
class OpenSearchEngine:
    url: str
    alias: str

    @property
    def name(self) -> str:
        return f"opensearch {self.url} {self.alias}"

    @asynccontextmanager
    async def parts(
        self, clock: Clock | None = None
    ) -> AsyncIterator[tuple[OpenSearchIndex, OpenSearchState]]:
        """What one process has of it, which gives its lease back at the end."""
        client = open_client(self.url, timeout_s=TIMEOUT_S)
        state = OpenSearchState(
            client,
            self.alias,
            uuid.uuid4().hex,
            clock or SystemClock(),
            now_s=lambda: FASTER * time.monotonic(),
        )
        try:
            yield OpenSearchIndex(client, self.alias, state), state
        finally:
            with suppress(UnavailableError):
                await state.release()
            await client.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[SearchIndex, bool]]:
        async with self.parts() as (index, _):
            yield index, await index.open()

    async def remove(self, *parts: str) -> None:
        """Delete the index and what is beside it, or one of them."""
        client = open_client(self.url, timeout_s=TIMEOUT_S)
        try:
            for part in parts or ("-000001", "-state"):
                if await client.indices.exists(index=self.alias + part):
                    await client.indices.delete(index=self.alias + part)
        finally:
            await client.close()


SearchEngine = TantivyEngine | OpenSearchEngine


def engine_named(name: str) -> SearchEngine:
    kind, *rest = name.split()
    return TantivyEngine(Path(*rest)) if kind == "tantivy" else OpenSearchEngine(*rest)


@dataclass(frozen=True)
class Cluster:
    url: str


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real OpenSearch where `OPENSEARCH_URL` names one, else the stand-in."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield Cluster(url)
        return
    with opensearch_stand_in() as stand_in:
        yield Cluster(stand_in.url)


@pytest.fixture(params=["tantivy", "opensearch"])
async def search_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SearchEngine]:
    if request.param == "tantivy":
        yield TantivyEngine(tmp_path / "search")
        return
    url = request.getfixturevalue("cluster").url
    engine = OpenSearchEngine(url, f"test-{uuid.uuid4().hex}")
    yield engine
    await engine.remove()
