"""Bus messages in, use cases called."""

from services.graph.erasure import GraphErasure
from services.graph.ports import Users
from services.platform.erasure import require_gone
from services.user.events import decode_user_deleted

__all__ = ["GraphConsumers"]


class GraphConsumers:
    """One method for each subscription."""

    def __init__(self, erasure: GraphErasure, users: Users) -> None:
        self._erasure = erasure
        self._users = users

    async def user_deleted(self, body: bytes) -> None:
        """Remove a deleted user's edges."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.erase(event.user_id, event.deleted_at_ms)
