"""Muted words over the wire: how they are changed, and how siblings hear of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from aviary.graph.v1 import muted_word_service_pb2 as pb
from aviary.graph.v1.muted_word_service_pb2_grpc import MutedWordServiceStub

from services.graph import relation_reads
from services.notification.clients import GraphClient as NotificationGraph
from services.platform.muting.words import NOTHING_MUTED, muted_words
from services.platform.rpc.rpc_client import RpcClient
from services.platform.visibility.clients import SightClient
from services.platform.visibility.rule import Sight
from services.timeline.clients import GraphClient
from tests.rpc.graph_server import running_graph
from tests.unit.graph.world import World as Process

ADA, BOB, CYD, NOBODY = 1, 2, 3, 1_000
PATIENT_S = 60.0


@dataclass
class World:
    process: Process
    stub: MutedWordServiceStub
    channel: grpc.aio.Channel

    async def mute(self, user: int, *words: str) -> None:
        for word in words:
            await self.stub.AddMutedWord(pb.AddMutedWordRequest(user_id=user, word=word))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_graph(tmp_path) as graph:
        yield World(graph.process, MutedWordServiceStub(graph.channel), graph.channel)


async def test_they_are_added_listed_and_removed(world: World) -> None:
    add = pb.AddMutedWordRequest(user_id=ADA, word=" Two  words ")
    added = (await world.stub.AddMutedWord(add)).muted_word
    assert added.word == "Two words"
    assert added.created_at.ToMilliseconds() == world.process.clock.ms
    await world.mute(ADA, "two WORDS", "#fox")
    listed = await world.stub.ListMutedWords(pb.ListMutedWordsRequest(user_id=ADA))
    assert [each.word for each in listed.muted_words] == ["Two words", "#fox"]
    assert listed.muted_words[0] == added
    await world.stub.RemoveMutedWord(pb.RemoveMutedWordRequest(user_id=ADA, word="TWO words"))
    listed = await world.stub.ListMutedWords(pb.ListMutedWordsRequest(user_id=ADA))
    assert [each.word for each in listed.muted_words] == ["#fox"]
    listed = await world.stub.ListMutedWords(pb.ListMutedWordsRequest(user_id=BOB))
    assert not listed.muted_words


@pytest.mark.parametrize(
    ("user", "word", "code"),
    [
        (0, "fox", grpc.StatusCode.INVALID_ARGUMENT),
        (ADA, "!", grpc.StatusCode.INVALID_ARGUMENT),
        (ADA, "x" * 101, grpc.StatusCode.INVALID_ARGUMENT),
        (NOBODY, "fox", grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_what_cannot_be_is_refused(
    world: World, user: int, word: str, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.mute(user, word)
    assert refused.value.code() is code


async def test_timelines_have_them_with_the_relations(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.process.follows.follow(ADA, BOB)
    await world.mute(ADA, "fox", "two words")
    client = GraphClient(world.channel, RpcClient(timeout_s=PATIENT_S))
    assert (await client.fetch(ADA)).words == muted_words(["fox", "two words"])
    assert (await client.fetch(BOB)).words == NOTHING_MUTED
    # So few edges as are read at once, so that hers are streamed.
    monkeypatch.setattr(relation_reads, "MAX_EDGES", 1)
    relations = await client.fetch(ADA)
    assert (relations.following, relations.words.words) == ({BOB}, ("fox", "two words"))


async def test_who_shows_tweets_unasked_has_them_in_the_same_call(world: World) -> None:
    await world.mute(ADA, "fox")
    await world.process.blocks.mute(ADA, CYD)
    sights = SightClient(world.channel, RpcClient(timeout_s=PATIENT_S))
    regard = await sights.unasked(ADA, [BOB, CYD])
    assert regard.sights == {BOB: Sight(), CYD: Sight(muting=True)}
    assert regard.words == muted_words(["fox"])
    assert (await sights.unasked(BOB, [ADA])).words == NOTHING_MUTED
    assert (await sights.unasked(0, [ADA])).words == NOTHING_MUTED
    assert await sights.of(ADA, [BOB]) == {BOB: Sight()}
    notified = NotificationGraph(world.channel, RpcClient(timeout_s=PATIENT_S))
    seen = await notified.seen_by(ADA, [BOB, CYD])
    assert seen.words == muted_words(["fox"])
    assert [seen.standings[one].hidden for one in (BOB, CYD)] == [False, True]
    assert (await notified.seen_by(BOB, [ADA])).words == NOTHING_MUTED
    assert (await notified.standings([(ADA, CYD)]))[ADA, CYD].hidden
