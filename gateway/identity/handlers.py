"""Bus messages in, use cases called."""

from gateway.identity.accounts import Accounts
from gateway.identity.ports import UserDirectory
from services.bus.events import decode_user_deleted
from services.erasure_check import require_gone

__all__ = ["IdentityHandlers"]


class IdentityHandlers:
    """One method for each subscription."""

    def __init__(self, accounts: Accounts, users: UserDirectory) -> None:
        self._accounts = accounts
        self._users = users

    async def user_deleted(self, body: bytes) -> None:
        """Forget a deleted user's password, and end what it opened."""
        user_id = decode_user_deleted(body).user_id
        require_gone("user", user_id, lives=await self._users.by_id(user_id) is not None)
        await self._accounts.erase(user_id)
