"""What is refused of arguments, in the same words everywhere."""

from typing import Final

from services.list.model import UserList
from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError, PermissionDeniedError
from services.platform.text.handles import validate_name

__all__ = [
    "MAX_DESCRIPTION_CHARS",
    "MAX_NAME_CHARS",
    "check_owner",
    "check_reader",
    "no_list",
    "no_user",
    "validate_description",
    "validate_list_name",
]

MAX_NAME_CHARS: Final = 25
"""As on Twitter; counted as names of users are."""
MAX_DESCRIPTION_CHARS: Final = 100
"""As on Twitter; counted as names are."""


def validate_list_name(name: str) -> str:
    """Check what a list is called, as `validate_name`, on `name`."""
    return validate_name("name", name, most=MAX_NAME_CHARS)


def validate_description(description: str) -> str:
    """Check what a list is said to be about, on `description`; an empty one is none."""
    if not description:
        return ""
    return validate_name("description", description, most=MAX_DESCRIPTION_CHARS)


def no_list(list_id: int) -> NotFoundError:
    """Build the answer to a list that there is not, or not for who asks."""
    return NotFoundError(
        f"list_id: no list {list_id}",
        reason=Reason.LIST_NOT_FOUND,
        metadata={"field": "list_id", "list_id": str(list_id)},
    )


def no_user(field: str, user_id: int) -> NotFoundError:
    """Build the answer to who names nobody."""
    return NotFoundError(
        f"{field}: no user {user_id}",
        reason=Reason.USER_NOT_FOUND,
        metadata={"field": field, "user_id": str(user_id)},
    )


def check_owner(found: UserList | None, list_id: int, user_id: int) -> UserList:
    """Give the list, if the user owns it.

    Raises `NotFoundError` (`LIST_NOT_FOUND`) for none or another's private one,
    `PermissionDeniedError` (`NOT_THE_OWNER`) for another's.
    """
    shown = check_reader(found, list_id, user_id)
    if shown.owner_id != user_id:
        raise PermissionDeniedError(
            f"list {list_id} is somebody else's",
            reason=Reason.NOT_THE_OWNER,
            metadata={"list_id": str(list_id)},
        )
    return shown


def check_reader(found: UserList | None, list_id: int, reader_id: int) -> UserList:
    """Give the list, if the reader may see it; `NotFoundError` (`LIST_NOT_FOUND`) else."""
    if found is None or (found.private and found.owner_id != reader_id):
        raise no_list(list_id)
    return found
