"""Who follows many authors, in one call; and of a process that does not know it, in several."""

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from aviary.graph.v1 import graph_service_pb2 as pb

from services.fanout.clients import FollowersClient
from services.fanout.model import Audience
from services.graph import audiences
from services.graph.audiences import FOLLOWERS_PER_ANSWER, MAX_FOLLOWERS, MAX_USERS, Audiences
from services.graph.counting import FollowingCounts
from services.graph.keys import edge_row_key
from services.graph.reads import Reads
from services.graph.servicer import GraphServicer
from services.graph.spec import OUTBOX, TABLES
from services.graph.store import RowGraphStore
from services.platform.composition.dependencies import service_of
from services.platform.errors import InvalidArgumentError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock

SERVICE = service_of(pb.DESCRIPTOR)
LOW = 1_000_000
"""Ids of followers begin here; those of authors are below."""
Pages = Mapping[int, tuple[int, list[int] | None, list[int] | None]]


class OlderServicer(GraphServicer):
    """One of the release before: as to somebody whom its call table does not let by, or not."""

    code = grpc.StatusCode.UNIMPLEMENTED

    async def LookupAudiences(  # noqa: N802 - the RPC's name
        self, _request: object, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.LookupAudiencesResponse:
        await context.abort(self.code)
        return pb.LookupAudiencesResponse()


@dataclass
class World:
    rows: SqliteRowStore
    store: RowGraphStore
    client: FollowersClient

    async def follow(self, author: int, count: int, *, friends: Sequence[int] = ()) -> None:
        """Write follows as the graph service keeps them, whose count nobody kept."""
        keys = [edge_row_key(author, LOW + n) for n in range(count)]
        await self.rows.mutate([RowMutation("followers", key, {b"state": b"1"}) for key in keys])
        followed = {struct.pack(">Q", friend): b"1" for friend in friends}
        if followed:
            await self.rows.mutate([RowMutation("following", user_row_key(author), followed)])

    async def all_of(self, authors: Sequence[int]) -> list[Audience]:
        """As whoever plans asks: again and again for those who are not in the answer."""
        found: list[Audience] = []
        while len(found) < len(authors):
            found += await self.client.audiences(authors[len(found) :])
        return found


@pytest.fixture(params=[GraphServicer])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
        await rows.open()
        stack.push_async_callback(rows.close)
        store = RowGraphStore(rows, Outbox(rows, clock, OUTBOX), clock)
        unused: Any = None
        servicer = request.param(
            unused,
            unused,
            Reads(store, unused, unused, FollowingCounts(store)),
            Audiences(store),
            CursorCodec(lambda: (bytes(32),)),
            relations=unused,
            requests=unused,
            sights=unused,
            muted_words=unused,
        )
        server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, servicer)])
        await server.start()
        stack.push_async_callback(server.stop, 0)
        channel = open_channel(server.address, [SERVICE])
        stack.push_async_callback(channel.close)
        yield World(rows, store, FollowersClient(channel, RpcClient(timeout_s=60.0)))


def plain(found: Sequence[Audience]) -> Pages:
    return {
        each.author: (each.followers, *(map(list, each.page) if each.page else (None, None)))  # type: ignore[misc]
        for each in found
    }


async def in_one_call_and_as_before(world: World) -> None:
    await world.follow(1, 3, friends=[LOW + 1, LOW + 9])
    await world.follow(2, MAX_FOLLOWERS)
    await world.follow(3, MAX_FOLLOWERS + 1)
    found = plain(await world.all_of([3, 1, 4, 2]))
    assert list(found) == [3, 1, 4, 2]
    assert found[1] == (3, [LOW + 1], [LOW, LOW + 2])
    assert found[4] == (0, [], [])
    assert found[2][1:] == ([], [LOW + n for n in range(MAX_FOLLOWERS)])
    assert found[3][1:] == (None, None)
    # What was read whole is counted anew.
    assert await world.store.follower_counts([1, 2]) == {1: 3, 2: MAX_FOLLOWERS}


async def test_followers_of_many_authors_are_one_call(world: World) -> None:
    await in_one_call_and_as_before(world)
    assert len(await world.client.audiences([1, 2, 4])) == 3


@pytest.mark.parametrize("world", [OlderServicer], indirect=True)
@pytest.mark.parametrize("code", ["UNIMPLEMENTED", "PERMISSION_DENIED"])
async def test_a_process_of_the_release_before_is_asked_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(OlderServicer, "code", grpc.StatusCode[code])
    await in_one_call_and_as_before(world)


async def test_an_answer_has_a_bounded_size_whatever_the_counts_say(world: World) -> None:
    authors = list(range(1, 65))
    for author in authors:
        await world.follow(author, MAX_FOLLOWERS)
    first = await world.client.audiences(authors)
    assert FOLLOWERS_PER_ANSWER <= MAX_FOLLOWERS * len(first) < 2 * FOLLOWERS_PER_ANSWER
    # Now that they are counted, no more are read than the answer has room for.
    assert len(await world.client.audiences(authors)) == FOLLOWERS_PER_ANSWER // MAX_FOLLOWERS
    assert [each.author for each in await world.all_of(authors)] == authors


async def test_lists_of_many_authors_are_one_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside that of their counts, whoever they follow; but for what is too long for a part."""
    monkeypatch.setattr(audiences, "FIRST_FOLLOWED", 2)
    friends = [LOW, LOW + 1, LOW + 2, LOW + 7]
    for author in (1, 2, 3):
        await world.follow(author, 8, friends=friends[: author + 1])
    found = await world.all_of([1, 2, 3])
    assert [each.page and each.page[0] for each in found] == [friends[:2], friends[:3], friends]
    reads: list[str] = []

    def counting(name: str) -> None:
        read = getattr(world.rows, name)

        async def counted(*args: Any, **options: Any) -> Any:
            reads.append(name)
            return await read(*args, **options)

        monkeypatch.setattr(world.rows, name, counted)

    for name in ("read_rows", "scan", "scan_many"):
        counting(name)
    monkeypatch.setattr(audiences, "FIRST_FOLLOWED", 10)
    assert await world.all_of([1, 2, 3]) == found
    assert reads == ["read_rows", "scan_many"]


async def test_arguments_are_bounded(world: World) -> None:
    reads = Audiences(world.store)
    for user_ids, most in (([], 1), ([0], 1), ([1] * (MAX_USERS + 1), 1), ([1], 0), ([1], 1_001)):
        with pytest.raises(InvalidArgumentError):
            await reads.of(user_ids, most)
    assert await world.store.follower_counts([1]) == {}
