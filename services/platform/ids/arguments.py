"""Ids as arguments of use cases: checked in one place, refused in the same words."""

from collections.abc import Sequence

from services.platform.errors import InvalidArgumentError
from services.platform.ids.model import MAX_ID

__all__ = ["check_id", "check_ids", "check_optional_id"]


def check_id(field: str, number: int) -> None:
    """Raise `InvalidArgumentError` of `field` for what can be no id: 1 to `MAX_ID`."""
    if not 0 < number <= MAX_ID:
        raise InvalidArgumentError(field, "must be a positive id")


def check_optional_id(field: str, number: int) -> None:
    """`check_id`, but for 0, which means that none was given."""
    if number:
        check_id(field, number)


def check_ids(field: str, numbers: Sequence[int], *, most: int) -> None:
    """Raise `InvalidArgumentError` of `field` unless these are 1 to `most` ids.

    A repeated id counts each time. Their number is looked at first, which costs nothing.
    """
    if not 1 <= len(numbers) <= most:
        raise InvalidArgumentError(field, f"must be 1 to {most} ids, are {len(numbers)}")
    for number in numbers:
        check_id(field, number)
