"""What users have muted, out of what the graph service answers."""

from collections.abc import Iterable

from aviary.graph.v1 import graph_service_pb2 as pb

from services.platform.muting.words import MutedWords, muted_words

__all__ = ["words_of"]


def words_of(found: Iterable[pb.UserMutedWords]) -> dict[int, MutedWords]:
    """Read what each of them has muted; a process of an earlier release says it of nobody."""
    return {each.user_id: muted_words(each.words) for each in found}
