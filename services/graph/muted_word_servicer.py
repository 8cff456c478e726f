"""Muted words over gRPC: translates between messages and the use cases."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, TypeAlias

from aviary.graph.v1 import muted_word_pb2
from aviary.graph.v1 import muted_word_service_pb2 as pb
from aviary.graph.v1.muted_word_service_pb2_grpc import MutedWordServiceServicer
from grpc.aio import ServicerContext

from services.graph.model import MutedWord
from services.graph.muted_words import MutedWordLists
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["MutedWordServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"


class MutedWordServicer(MutedWordServiceServicer):
    """`aviary.graph.v1.MutedWordService`. Domain errors pass through."""

    def __init__(self, lists: MutedWordLists) -> None:
        self._lists = lists

    async def AddMutedWord(
        self, request: pb.AddMutedWordRequest, context: _Context
    ) -> pb.AddMutedWordResponse:
        """Mute a word."""
        added = await self._lists.add(request.user_id, request.word)
        return pb.AddMutedWordResponse(muted_word=_word(added))

    async def RemoveMutedWord(
        self, request: pb.RemoveMutedWordRequest, context: _Context
    ) -> pb.RemoveMutedWordResponse:
        """Mute a word no longer."""
        await self._lists.remove(request.user_id, request.word)
        return pb.RemoveMutedWordResponse()

    async def ListMutedWords(
        self, request: pb.ListMutedWordsRequest, context: _Context
    ) -> pb.ListMutedWordsResponse:
        """List the words that a user has muted."""
        found = await self._lists.all_of(request.user_id)
        return pb.ListMutedWordsResponse(muted_words=map(_word, found))


def _word(found: MutedWord) -> muted_word_pb2.MutedWord:
    return muted_word_pb2.MutedWord(word=found.word, created_at=to_timestamp(found.created_ms))
