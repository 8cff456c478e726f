"""Bus messages in, use cases called."""

from gateway.identity.accounts import Accounts
from services.bus.events import decode_user_deleted

__all__ = ["IdentityHandlers"]


class IdentityHandlers:
    """One method for each subscription."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def user_deleted(self, body: bytes) -> None:
        """Forget a deleted user's password, and end what it opened."""
        await self._accounts.erase(decode_user_deleted(body).user_id)
