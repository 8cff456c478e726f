"""Bus messages in, use cases called."""

from services.identity.accounts import Accounts
from services.identity.ports import UserDirectory
from services.platform.erasure import require_gone
from services.user.events import decode_user_deleted

__all__ = ["IdentityConsumers"]


class IdentityConsumers:
    """One method for each subscription."""

    def __init__(self, accounts: Accounts, users: UserDirectory) -> None:
        self._accounts = accounts
        self._users = users

    async def user_deleted(self, body: bytes) -> None:
        """Forget a deleted user's password, and end what it opened."""
        user_id = decode_user_deleted(body).user_id
        require_gone("user", user_id, lives=await self._users.by_id(user_id) is not None)
        await self._accounts.erase(user_id)
