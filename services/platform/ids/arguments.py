"""Ids as arguments of use cases: checked in one place, refused in the same words."""

import re
from collections.abc import Sequence
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.model import MAX_ID

__all__ = ["MAX_LISTED_IDS", "check_id", "check_ids", "check_optional_id", "listed_ids"]

MAX_LISTED_IDS: Final = 100
"""Ids of one list that a client outside may ask for: two pages of any timeline."""
_LISTED: Final = re.compile(rf"[1-9][0-9]{{0,18}}(?:,[1-9][0-9]{{0,18}}){{0,{MAX_LISTED_IDS - 1}}}")


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


def listed_ids(field: str, text: str) -> list[int]:
    """Read 1 to `MAX_LISTED_IDS` ids, in decimal digits and with commas between; each once.

    Raises `InvalidArgumentError` of `field`, also for an id in another spelling than its own.
    """
    if _LISTED.fullmatch(text) is None:
        raise InvalidArgumentError(
            field, f"must be 1 to {MAX_LISTED_IDS} positive ids with commas between"
        )
    numbers = list(dict.fromkeys(map(int, text.split(","))))
    check_ids(field, numbers, most=MAX_LISTED_IDS)
    return numbers
