"""Bus messages in, use cases called."""

from services.bus.events import decode_user_deleted
from services.erasure_check import require_gone
from services.graph.erasure import Erasure
from services.graph.ports import UserDirectory

__all__ = ["GraphHandlers"]


class GraphHandlers:
    """One method for each subscription."""

    def __init__(self, erasure: Erasure, users: UserDirectory) -> None:
        self._erasure = erasure
        self._users = users

    async def user_deleted(self, body: bytes) -> None:
        """Remove a deleted user's edges."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.erase(event.user_id, event.deleted_at_ms)
