"""Bus messages in, use cases called."""

from services.list.erasure import ListErasure
from services.user.events import decode_user_deleted

__all__ = ["ListConsumers"]


class ListConsumers:
    """One method for each subscription."""

    def __init__(self, erasure: ListErasure) -> None:
        self._erasure = erasure

    async def user_deleted(self, body: bytes) -> None:
        """Erase a deleted user's lists, and take the user out of others'."""
        await self._erasure.erase(decode_user_deleted(body).user_id)
