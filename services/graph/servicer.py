"""The graph service over gRPC: translates between messages and the use cases."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, TypeAlias

from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceServicer
from grpc.aio import ServicerContext

from services.graph.audiences import Audiences
from services.graph.blocks import Blocks
from services.graph.follows import Follows
from services.graph.messages import to_muted_words, to_relations, to_standing, to_user
from services.graph.model import UserPage
from services.graph.muted_words import MutedWordLists
from services.graph.reads import Reads
from services.graph.relation_reads import RelationReads
from services.graph.requests import FollowRequests
from services.graph.sights import Sights
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit

__all__ = ["GraphServicer"]

FOLLOWERS, FOLLOWING, REQUESTERS = "followers", "following", "requesters"

_Context: TypeAlias = "ServicerContext[Any, Any]"


class GraphServicer(GraphServiceServicer):
    """`aviary.graph.v1.GraphService`. Domain errors pass through."""

    def __init__(  # noqa: PLR0913 - one argument per group of use cases
        self,
        follows: Follows,
        blocks: Blocks,
        reads: Reads,
        audiences: Audiences,
        cursors: CursorCodec,
        *,
        relations: RelationReads,
        requests: FollowRequests,
        sights: Sights,
        muted_words: MutedWordLists,
    ) -> None:
        self._muted_words = muted_words
        self._relations = relations
        self._requests = requests
        self._sights = sights
        self._follows = follows
        self._blocks = blocks
        self._reads = reads
        self._audiences = audiences
        self._cursors = cursors

    async def Follow(self, request: pb.FollowRequest, context: _Context) -> pb.FollowResponse:
        """Follow a user."""
        pending = await self._follows.follow(request.follower_id, request.followee_id)
        return pb.FollowResponse(pending=pending or None)

    async def FollowUsers(
        self, request: pb.FollowUsersRequest, context: _Context
    ) -> pb.FollowUsersResponse:
        """Follow many users."""
        await self._follows.follow_many(request.follower_id, request.followee_ids)
        return pb.FollowUsersResponse()

    async def Unfollow(self, request: pb.UnfollowRequest, context: _Context) -> pb.UnfollowResponse:
        """Stop following a user."""
        await self._follows.unfollow(request.follower_id, request.followee_id)
        return pb.UnfollowResponse()

    async def Block(self, request: pb.BlockRequest, context: _Context) -> pb.BlockResponse:
        """Block a user."""
        await self._blocks.block(request.blocker_id, request.blocked_id)
        return pb.BlockResponse()

    async def Unblock(self, request: pb.UnblockRequest, context: _Context) -> pb.UnblockResponse:
        """End a block."""
        await self._blocks.unblock(request.blocker_id, request.blocked_id)
        return pb.UnblockResponse()

    async def Mute(self, request: pb.MuteRequest, context: _Context) -> pb.MuteResponse:
        """Mute a user."""
        await self._blocks.mute(request.muter_id, request.muted_id)
        return pb.MuteResponse()

    async def Unmute(self, request: pb.UnmuteRequest, context: _Context) -> pb.UnmuteResponse:
        """Mute a user no longer."""
        await self._blocks.unmute(request.muter_id, request.muted_id)
        return pb.UnmuteResponse()

    async def ListFollowRequests(
        self, request: pb.ListFollowRequestsRequest, context: _Context
    ) -> pb.ListFollowRequestsResponse:
        """Read a page of who asks to follow a user."""
        user_id, limit = request.user_id, page_limit(request.limit)
        after = self._after(request.cursor, REQUESTERS, user_id)
        page = await self._reads.list_requesters(user_id, after, limit)
        next_cursor = self._next_cursor(page, REQUESTERS, user_id)
        await say_next_page(context, request, next_cursor)
        return pb.ListFollowRequestsResponse(
            users=map(to_user, page.users), next_cursor=next_cursor
        )

    async def ApproveFollowRequest(
        self, request: pb.ApproveFollowRequestRequest, context: _Context
    ) -> pb.ApproveFollowRequestResponse:
        """Let somebody follow."""
        await self._requests.approve(request.user_id, request.requester_id)
        return pb.ApproveFollowRequestResponse()

    async def DenyFollowRequest(
        self, request: pb.DenyFollowRequestRequest, context: _Context
    ) -> pb.DenyFollowRequestResponse:
        """Turn a request down."""
        await self._requests.deny(request.user_id, request.requester_id)
        return pb.DenyFollowRequestResponse()

    async def SetProtection(
        self, request: pb.SetProtectionRequest, context: _Context
    ) -> pb.SetProtectionResponse:
        """Protect a user, or no longer."""
        has_more = await self._requests.protect(
            request.user_id, request.revision, protected=request.protected
        )
        return pb.SetProtectionResponse(has_more=has_more)

    async def LookupSights(
        self, request: pb.LookupSightsRequest, context: _Context
    ) -> pb.LookupSightsResponse:
        """Read how readers stand to authors."""
        pairs = [(each.reader_id, each.author_id) for each in request.pairs]
        readers = {reader for reader, _ in pairs} if request.with_muted_words else ()
        found, muted = await asyncio.gather(
            self._sights.of(pairs), self._muted_words.written_by(readers)
        )
        sights = [pb.Sight(**asdict(each)) for each in found]
        return pb.LookupSightsResponse(sights=sights, muted_words=to_muted_words(muted))

    async def ListFollowers(
        self, request: pb.ListFollowersRequest, context: _Context
    ) -> pb.ListFollowersResponse:
        """Read a page of a user's followers."""
        user_id, limit = request.user_id, page_limit(request.limit)
        after = self._after(request.cursor, FOLLOWERS, user_id)
        page = await self._reads.list_followers(user_id, after, limit)
        next_cursor = self._next_cursor(page, FOLLOWERS, user_id)
        await say_next_page(context, request, next_cursor, in_path="user_id")
        return pb.ListFollowersResponse(users=map(to_user, page.users), next_cursor=next_cursor)

    async def ListFollowing(
        self, request: pb.ListFollowingRequest, context: _Context
    ) -> pb.ListFollowingResponse:
        """Read a page of the users whom a user follows."""
        user_id, limit = request.user_id, page_limit(request.limit)
        after = self._after(request.cursor, FOLLOWING, user_id)
        page = await self._reads.list_following(user_id, after, limit)
        next_cursor = self._next_cursor(page, FOLLOWING, user_id)
        await say_next_page(context, request, next_cursor, in_path="user_id")
        return pb.ListFollowingResponse(users=map(to_user, page.users), next_cursor=next_cursor)

    async def GetRelationship(
        self, request: pb.GetRelationshipRequest, context: _Context
    ) -> pb.GetRelationshipResponse:
        """Read how two users stand to each other."""
        relationship = await self._reads.relationship(request.user_id, request.target_id)
        return pb.GetRelationshipResponse(**asdict(relationship))

    async def GetRelations(
        self, request: pb.GetRelationsRequest, context: _Context
    ) -> pb.GetRelationsResponse:
        """Read whom a user follows and does not see."""
        relations = await self._relations.whole(request.user_id)
        return pb.GetRelationsResponse(
            following_ids=relations.following_ids, hidden_ids=relations.hidden_ids
        )

    async def LookupRelations(
        self, request: pb.LookupRelationsRequest, context: _Context
    ) -> pb.LookupRelationsResponse:
        """Read whom each of many users follows and does not see."""
        found = await self._relations.lookup(request.user_ids, bounded=request.bounded)
        return pb.LookupRelationsResponse(relations=map(to_relations, found))

    async def StreamRelations(
        self, request: pb.StreamRelationsRequest, context: _Context
    ) -> AsyncIterator[pb.StreamRelationsResponse]:
        """Stream whom a user follows and does not see."""
        pages = self._relations.stream(
            request.user_id, hidden_only=request.hidden_only, bounded=request.bounded
        )
        async for page in pages:
            yield pb.StreamRelationsResponse(**asdict(page))

    async def LookupHidden(
        self, request: pb.LookupHiddenRequest, context: _Context
    ) -> pb.LookupHiddenResponse:
        """Read which of some users a user does not see."""
        hidden = await self._reads.hidden_among(request.user_id, request.author_ids)
        return pb.LookupHiddenResponse(hidden_ids=hidden)

    async def StreamFollowers(
        self, request: pb.StreamFollowersRequest, context: _Context
    ) -> AsyncIterator[pb.StreamFollowersResponse]:
        """Stream a user's followers in pages."""
        pages = self._reads.stream_followers(
            request.user_id, request.page_size, request.after_follower_id or None
        )
        async for page in pages:
            yield pb.StreamFollowersResponse(
                close_friend_ids=page.close_friend_ids, follower_ids=page.other_ids
            )

    async def LookupAudiences(
        self, request: pb.LookupAudiencesRequest, context: _Context
    ) -> pb.LookupAudiencesResponse:
        """Read who follows each of many users."""
        audiences = await self._audiences.of(request.user_ids, request.max_followers)
        return pb.LookupAudiencesResponse(
            audiences=[
                pb.Audience(
                    user_id=one.user_id,
                    follower_count=one.followers,
                    whole=one.page is not None,
                    close_friend_ids=one.page.close_friend_ids if one.page else (),
                    follower_ids=one.page.other_ids if one.page else (),
                )
                for one in audiences
            ]
        )

    async def LookupCounts(
        self, request: pb.LookupCountsRequest, context: _Context
    ) -> pb.LookupCountsResponse:
        """Count users' follows."""
        return pb.LookupCountsResponse(
            counts=[
                pb.RelationCounts(
                    user_id=one.user_id,
                    follower_count=one.followers,
                    following_count=one.following,
                )
                for one in await self._reads.counts(request.user_ids)
            ]
        )

    async def LookupStandings(
        self, request: pb.LookupStandingsRequest, context: _Context
    ) -> pb.LookupStandingsResponse:
        """Read how users stand to others."""
        pairs = [(pair.user_id, pair.target_id) for pair in request.pairs]
        users = {user_id for user_id, _ in pairs} if request.with_muted_words else ()
        found, muted = await asyncio.gather(
            self._reads.standings(pairs), self._muted_words.written_by(users)
        )
        standings = map(to_standing, found)
        return pb.LookupStandingsResponse(standings=standings, muted_words=to_muted_words(muted))

    def _after(self, cursor: str, kind: str, owner: int) -> int | None:
        # An owner that cannot be packed is refused by the use case, with a better message.
        return self._cursors.decode(cursor, kind, owner) if cursor and owner > 0 else None

    def _next_cursor(self, page: UserPage, kind: str, owner: int) -> str | None:
        if page.next_after is None:
            return None
        return self._cursors.encode(kind, owner, page.next_after)
