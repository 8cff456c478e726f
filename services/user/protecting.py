"""Protecting an account: readers are kept from its tweets before it says so, and until it does not.

So what dies half way, or fails, leaves too much hidden, and never too much shown.
"""

from services.user.model import Account
from services.user.ports import Protection

__all__ = ["Protecting"]


class Protecting:
    """The two steps around a change of an account. Both raise `UnavailableError`."""

    def __init__(self, protection: Protection) -> None:
        self._protection = protection

    async def before(self, account: Account, protected: bool | None) -> None:  # noqa: FBT001
        """Hide what the next revision of the account is to hide."""
        if protected:
            user_id = account.user.user_id
            await self._protection.protect(user_id, account.revision + 1, protected=True)

    async def after(self, account: Account, protected: bool | None) -> bool:  # noqa: FBT001
        """Have readers be shown what the account says; whether there was something to do."""
        # An account that never changed has never said anything.
        if protected is None or not account.revision:
            return False
        user = account.user
        await self._protection.protect(user.user_id, account.revision, protected=user.protected)
        return True
