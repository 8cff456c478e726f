"""The notification service over gRPC: translates between messages and the use cases."""

# ruff: noqa: N802 - names and signatures are those of the proto

from typing import Any, Final, TypeAlias

from aviary.notification.v1 import notification_pb2
from aviary.notification.v1 import notification_service_pb2 as pb
from aviary.notification.v1.notification_service_pb2_grpc import NotificationServiceServicer
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1.user_pb2 import User
from grpc.aio import ServicerContext

from services.notification.model import Kind, Notification, NotificationPage
from services.notification.reading import Reading
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["NotificationServicer"]

NOTIFICATIONS: Final = "notifications"

_KINDS: Final = {
    Kind.FOLLOW: notification_pb2.NOTIFICATION_KIND_FOLLOW,
    Kind.LIKE: notification_pb2.NOTIFICATION_KIND_LIKE,
    Kind.RETWEET: notification_pb2.NOTIFICATION_KIND_RETWEET,
    Kind.QUOTE: notification_pb2.NOTIFICATION_KIND_QUOTE,
    Kind.REPLY: notification_pb2.NOTIFICATION_KIND_REPLY,
    Kind.MENTION: notification_pb2.NOTIFICATION_KIND_MENTION,
    Kind.REQUEST: notification_pb2.NOTIFICATION_KIND_REQUEST,
}

_Context: TypeAlias = "ServicerContext[Any, Any]"


class NotificationServicer(NotificationServiceServicer):
    """`aviary.notification.v1.NotificationService`. Domain errors pass through."""

    def __init__(self, reading: Reading, cursors: CursorCodec) -> None:
        self._reading = reading
        self._cursors = cursors

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: _Context
    ) -> pb.ListNotificationsResponse:
        """Read a page of notifications."""
        user_id, limit = request.user_id, page_limit(request.limit)
        at = self._cursors.position(request.cursor, NOTIFICATIONS, user_id)
        page = await self._reading.page(user_id, at.below, limit, after=at.above)
        next_cursor = (
            None
            if page.next_before is None
            else self._cursors.encode(NOTIFICATIONS, user_id, page.next_before)
        )
        previous = self._cursors.encode(NOTIFICATIONS, user_id, page.previous_after, newer=True)
        await say_next_page(context, request, next_cursor, previous=previous)
        return pb.ListNotificationsResponse(
            notifications=[_notification(each, page.read_up_to) for each in page.notifications],
            includes=_includes(page) if page.notifications else None,
            next_cursor=next_cursor,
            previous_cursor=previous,
        )

    async def GetUnreadCount(
        self, request: pb.GetUnreadCountRequest, _context: _Context
    ) -> pb.GetUnreadCountResponse:
        """Count unread notifications."""
        unread = await self._reading.unread(request.user_id)
        return pb.GetUnreadCountResponse(unread_count=unread.count, has_more=unread.has_more)

    async def MarkNotificationsRead(
        self, request: pb.MarkNotificationsReadRequest, _context: _Context
    ) -> pb.MarkNotificationsReadResponse:
        """Mark notifications as read."""
        marked = await self._reading.mark_read(request.user_id, request.up_to_notification_id)
        return pb.MarkNotificationsReadResponse(read_up_to_notification_id=marked)


def _notification(found: Notification, read_up_to: int) -> notification_pb2.Notification:
    return notification_pb2.Notification(
        notification_id=found.position,
        kind=_KINDS[found.kind],
        created_at=to_timestamp(found.at_ms),
        actor_ids=found.actor_ids,
        actor_count=found.actor_count,
        tweet_id=found.tweet_id or None,
        unread=found.position > read_up_to,
    )


def _includes(page: NotificationPage) -> pb.NotificationIncludes:
    return pb.NotificationIncludes(
        users=map(User.FromString, page.users.values()),
        tweets=map(Tweet.FromString, page.tweets.values()),
    )
