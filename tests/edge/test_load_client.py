"""The loader's client against a server that misbehaves on purpose, over real sockets."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.cli.load import edge_client
from services.cli.load.access import token_source
from services.cli.load.edge_client import EdgeClient
from services.cli.load.errors import LoadError, RefusedError, UnreachableError
from services.cli.load.loader import Loaded, Loader
from services.cli.load.model import FollowGraph, Post
from services.cli.load.progress import Progress
from services.local.operator_file import keep_operator

JITTER = random.Random(0)  # noqa: S311 - guards nothing
CUT = 0
"""Instead of a status: read the request, then hang up."""


class Server:
    """Answers from a script, one status and body for each request, and keeps the requests."""

    def __init__(self, *script: tuple[int, object]) -> None:
        self._script = list(script)
        self.requests: list[tuple[str, Any]] = []
        self.tokens: list[str | None] = []
        self.url = ""
        self._at_once = self.most_at_once = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        lengths = [int(h.split(":")[1]) for h in head if h.lower().startswith("content-length")]
        body = await reader.readexactly(sum(lengths))
        self.requests.append((head[0].rsplit(" ", 1)[0], json.loads(body) if body else None))
        shown = [line.split()[-1] for line in head if line.lower().startswith("authorization")]
        self.tokens.append(shown[0] if shown else None)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        # Whatever else was sent has time to arrive.
        for _ in range(10):
            await asyncio.sleep(0)
        self._at_once -= 1
        status, said = self._script.pop(0)
        if status == CUT:
            return False
        content = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(content)))
        writer.write(content)
        return True


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[EdgeClient]:
    async with (
        server.running(),
        EdgeClient(server.url, JITTER) as edge,
    ):
        yield edge


def loader(edge: EdgeClient) -> Loader:
    return Loader(edge, Progress(shown=False), Loaded(users={1: 11}), concurrency=1)


@pytest.mark.parametrize("failure", [CUT, 429, 502, 503, 504])
async def test_tweet_is_tried_again_under_the_same_request_id(failure: int) -> None:
    server = Server((failure, {}), (failure, {}), (200, {"tweet_id": "5"}))
    async with client(server) as edge:
        loading = loader(edge)
        await loading.post([Post(1, "hi")])
    assert loading.loaded.tweets == [(5, 11)]
    first, second, third = server.requests
    assert first == second == third
    assert first[1]["request_id"]


async def test_two_tweets_have_two_request_ids() -> None:
    server = Server((200, {"tweet_id": "5"}), (200, {"tweet_id": "6"}))
    async with client(server) as edge:
        await loader(edge).post([Post(1, "hi"), Post(1, "hi")])
    one, other = (body["request_id"] for _, body in server.requests)
    assert one != other


async def test_follows_of_one_user_go_one_call_after_the_other() -> None:
    nodes = range(1, 2_003)
    server = Server(*[(200, {})] * 3)
    async with client(server) as edge:
        loaded = Loaded(users={node: node for node in nodes})
        loading = Loader(edge, Progress(shown=False), loaded, concurrency=8)
        await loading.follow(FollowGraph.of(nodes, [(1, node) for node in nodes[1:]]))
    bodies = [body for _, body in server.requests]
    assert {body["follower_id"] for body in bodies} == {1}
    assert [len(body["followee_ids"]) for body in bodies] == [1_000, 1_000, 1]
    assert [one for body in bodies for one in body["followee_ids"]] == list(nodes[1:])
    assert server.most_at_once == 1


async def test_refusal_is_not_tried_again() -> None:
    server = Server((400, {"code": 3, "message": "text: must not be blank"}))
    async with client(server) as edge:
        with pytest.raises(LoadError, match=r"400: text: must not be blank; its text begins 'hi'"):
            await loader(edge).post([Post(1, "hi"), Post(1, "never sent")])
    assert len(server.requests) == 1


async def test_user_whose_creation_lost_its_answer_is_found_by_handle() -> None:
    taken = (409, {"code": 6, "message": "the handle is taken"})
    server = Server((CUT, None), taken, (200, {"user": {"user_id": "7"}}))
    async with client(server) as edge:
        loading = loader(edge)
        await loading.create_users([3], "p")
    assert loading.loaded.users[3] == 7
    assert server.requests[-1] == ("GET /v1/users/by/handle/p0", None)


async def test_handle_of_somebody_else_is_not_taken_over() -> None:
    async with client(Server((409, {"code": 6, "message": "taken"}))) as edge:
        with pytest.raises(LoadError, match="p0 is taken; choose another --prefix"):
            await loader(edge).create_users([3], "p")


async def test_tries_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    few = edge_client.RetryPolicy(max_attempts=3, base_s=0.001, cap_s=0.001)
    monkeypatch.setattr(edge_client, "RETRY", few)
    server = Server(*[(503, {"code": 14, "message": "down"})] * 3)
    async with client(server) as edge:
        with pytest.raises(RefusedError, match="503: down"):
            await edge.get("/v1/users/1")
    assert len(server.requests) == 3
    async with EdgeClient(server.url, JITTER) as edge:
        with pytest.raises(UnreachableError, match="is `make run` running"):
            await edge.get("/v1/users/1")


async def test_answer_that_is_no_json_is_shown() -> None:
    async with client(Server((404, "no Aviary here"))) as edge:
        with pytest.raises(RefusedError, match="no Aviary here"):
            await edge.check()


@pytest.mark.parametrize("url", ["localhost", "ftp://x", "http://", "http://127.0.0.1:99999"])
def test_bad_url_is_reported(url: str) -> None:
    with pytest.raises(LoadError, match="not a URL"):
        EdgeClient(url, JITTER)


async def test_refused_token_is_renewed_once_for_all_requests() -> None:
    server = Server((401, {}), (200, {}), (200, {}), (401, {}), (200, {}))
    made = iter(["first", "second"])
    async with server.running(), EdgeClient(server.url, JITTER, lambda: next(made)) as edge:
        for _ in range(3):
            await edge.get("/v1/users/1")
    assert server.tokens == [None, "first", "first", "first", "second"]
    assert edge.retried == 0


async def test_token_that_stays_refused_is_reported() -> None:
    server = Server(*[(401, {"message": "Jwt is expired"})] * 2)
    async with server.running(), EdgeClient(server.url, JITTER, lambda: "given") as edge:
        with pytest.raises(RefusedError, match="401: Jwt is expired"):
            await edge.get("/v1/users/1")
    assert server.tokens == [None, "given"]


def test_operators_token_is_for_the_operators_own_aviary(tmp_path: Path) -> None:
    keep_operator(tmp_path, "http://127.0.0.1:1", {})
    assert token_source("http://127.0.0.1:1/", None, tmp_path) is not None
    assert token_source("http://elsewhere.test", None, tmp_path) is None
    given = token_source("http://elsewhere.test", "given", tmp_path)
    assert given is not None
    assert given() == "given"
    assert (tmp_path / "operator.json").stat().st_mode & 0o777 == 0o600
