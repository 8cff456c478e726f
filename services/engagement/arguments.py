"""What is refused of arguments, in the same words everywhere."""

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError

__all__ = ["no_user"]


def no_user(user_id: int) -> NotFoundError:
    """Build the answer to who names nobody."""
    return NotFoundError(
        f"user_id: no user {user_id}",
        reason=Reason.USER_NOT_FOUND,
        metadata={"field": "user_id", "user_id": str(user_id)},
    )
