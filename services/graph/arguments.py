"""What use cases of the graph ask of the users they are given."""

from collections.abc import Sequence

from services.graph.ports import Users
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.ids.arguments import check_id

__all__ = ["check_exist", "check_pair"]


def check_pair(owner_field: str, owner_id: int, other_field: str, other_id: int) -> None:
    """Raise `InvalidArgumentError` for ids that are not positive, or the same."""
    check_id(owner_field, owner_id)
    check_id(other_field, other_id)
    if owner_id == other_id:
        raise InvalidArgumentError(other_field, f"must not be the {owner_field}")


async def check_exist(users: Users, user_ids: Sequence[int]) -> None:
    """Raise `NotFoundError` (`USER_NOT_FOUND`) for the first id that names nobody."""
    missing = await users.missing(user_ids)
    if missing:
        raise NotFoundError(
            f"user {missing[0]} does not exist",
            reason=Reason.USER_NOT_FOUND,
            metadata={"user_id": str(missing[0])},
        )
