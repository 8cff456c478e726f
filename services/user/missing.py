"""What is said where there is no such user."""

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError

__all__ = ["no_user"]


def no_user(user_id: int) -> NotFoundError:
    """Say that the id names nobody, or nobody any more."""
    return NotFoundError(
        f"user {user_id} does not exist",
        reason=Reason.USER_NOT_FOUND,
        metadata={"user_id": str(user_id)},
    )
