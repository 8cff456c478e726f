"""How users stand to others, and who they are, as messages."""

from collections.abc import Mapping, Sequence

from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.user.v1 import user_pb2

from services.graph.model import Standing, UserProfile
from services.graph.relation_reads import UserRelations
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["to_muted_words", "to_relations", "to_standing", "to_user"]


def to_relations(found: UserRelations) -> pb.UserRelations:
    """Encode whom a user follows and does not see."""
    relations = found.relations
    if relations is None:
        return pb.UserRelations(user_id=found.user_id)
    return pb.UserRelations(
        user_id=found.user_id,
        whole=True,
        following_ids=relations.following_ids,
        hidden_ids=relations.hidden_ids,
        muted_words=relations.muted_words,
        hides_others=relations.hides_others,
    )


def to_muted_words(found: Mapping[int, Sequence[str]]) -> list[pb.UserMutedWords]:
    """Encode which words users have muted."""
    return [pb.UserMutedWords(user_id=one, words=words) for one, words in found.items()]


def to_standing(standing: Standing) -> pb.Standing:
    """Encode how a user stands to another; what never changed has no time."""
    followed_ms, requested_ms = standing.follow_changed_ms, standing.request_changed_ms
    return pb.Standing(
        hidden=standing.hidden,
        followed_by=standing.followed_by,
        follow_changed_at=to_timestamp(followed_ms) if followed_ms else None,
        requested_by=standing.requested_by,
        request_changed_at=to_timestamp(requested_ms) if requested_ms else None,
    )


def to_user(profile: UserProfile) -> user_pb2.User:
    """Encode what lists show of a user."""
    return user_pb2.User(
        user_id=profile.user_id,
        handle=profile.handle,
        display_name=profile.display_name,
        created_at=to_timestamp(profile.created_at_ms),
        bio=profile.bio or None,
        protected=profile.protected or None,
    )
