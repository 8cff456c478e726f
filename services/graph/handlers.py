"""Bus messages in, use cases called."""

from services.bus.events import decode_user_deleted
from services.graph.erasure import Erasure

__all__ = ["GraphHandlers"]


class GraphHandlers:
    """One method for each subscription."""

    def __init__(self, erasure: Erasure) -> None:
        self._erasure = erasure

    async def user_deleted(self, body: bytes) -> None:
        """Remove a deleted user's edges."""
        event = decode_user_deleted(body)
        await self._erasure.erase(event.user_id, event.deleted_at_ms)
