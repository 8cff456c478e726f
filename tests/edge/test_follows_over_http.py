"""Follows, blocks and mutes over HTTP/1.1 are read and answered as the transcoder would."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.edge.graph_stand_in import Graph, graph_servicer
from tests.edge.test_json_over_http import ERRORS
from tests.edge.test_posts_over_http import JSON, ODD
from tests.edge.two_edges import assert_same, two_edges

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = {
    "/v1/follow": ("follower_id", "followee_id"),
    "/v1/unfollow": ("follower_id", "followee_id"),
    "/v1/block": ("blocker_id", "blocked_id"),
    "/v1/unblock": ("blocker_id", "blocked_id"),
    "/v1/mute": ("muter_id", "muted_id"),
    "/v1/unmute": ("muter_id", "muted_id"),
}


class Both(NamedTuple):
    """The same service behind two edges."""

    graph: Graph
    translated: httpx.AsyncClient
    over_http: httpx.AsyncClient

    async def post(self, path: str, body: bytes) -> httpx.Response:
        """Ask both, and give the answer, which must be the same, as must be what was asked."""
        answers, asked = [], []
        for client in (self.translated, self.over_http):
            self.graph.asked = None
            said = {"content-type": JSON}
            answers.append(await client.post(path, content=body, headers=said))
            asked.append(self.graph.asked)
        theirs, ours = answers
        assert_same(theirs, ours, body)
        assert asked[0] == asked[1], body
        return ours


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both() -> AsyncIterator[Both]:
    graph = Graph()
    nowhere = {"backends": {"graph": "127.0.0.1:9"}}
    async with two_edges("graph", graph_servicer(graph), over_http=nowhere) as clients:
        yield Both(graph, *clients)


@pytest.mark.parametrize("path", PATHS)
async def test_odd_values_are_read_as_the_transcoder_reads_them(both: Both, path: str) -> None:
    both.graph.fails = None
    one, other = PATHS[path]
    statuses = {
        (
            await both.post(path, f'{{"{one}":7,"{other}":{odd}}}'.encode("utf-8", "surrogatepass"))
        ).status_code
        for odd in ODD
    }
    assert statuses == {200, 400}
    for body in (b"", b"{}", b"[]", b'{"other":1}', f'{{"{one}":1,"{one}":2}}'.encode()):
        await both.post(path, body)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_errors_are_answered_as_the_transcoder_answers_them(
    both: Both, error: Exception
) -> None:
    both.graph.fails = error
    for path in PATHS:
        assert (await both.post(path, b"{}")).status_code >= 400
