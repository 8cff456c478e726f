"""Whose timelines there are: those of users who exist."""

import structlog

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError, PermissionDeniedError, UnavailableError
from services.platform.observability.log_events import EVENT_TIMELINE_OWNER_UNKNOWN
from services.timeline.ports import Users

__all__ = ["KnownOwners"]

_log = structlog.get_logger()


class KnownOwners:
    """Asks `users`, which keeps those who were there a moment ago."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def check(self, user_id: int) -> None:
        """Raise `NotFoundError` (`USER_NOT_FOUND`) if the id names nobody.

        While nobody can say, it is taken to name a user: what there is of a timeline can be read
        without the user service.
        """
        try:
            missing = await self._users.missing([user_id])
        except (PermissionDeniedError, UnavailableError) as error:
            # A user process of the release before lets no timeline service ask.
            _log.warning(EVENT_TIMELINE_OWNER_UNKNOWN, user_id=user_id, error=str(error))
            return
        if missing:
            raise NotFoundError(
                f"user_id: no user {user_id}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(user_id)},
            )
