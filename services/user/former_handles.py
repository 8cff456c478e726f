"""Which handles a user holds that it gave up: nobody else can pass for it under an old name.

The user alone may take one of them again until its time is over. Only the last few are held, so
that nobody can hoard handles by going through them.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from services.platform.text.handles import canonical
from services.user.model import Account, FormerHandle, User

__all__ = ["MAX_FORMER_HANDLES", "FormerHandles", "Held"]

MAX_FORMER_HANDLES: Final = 5
"""Held of one user at a time: more than anybody needs who thinks better of a new name."""
_MS_PER_DAY: Final = 86_400_000


class Held(NamedTuple):
    """What becomes of a user's old handles by a change."""

    former: tuple[FormerHandle, ...]
    freed: tuple[str, ...]
    """Canonical handles that anybody may take from now on."""


class FormerHandles:
    """Holds what is given up for `days`; with 0 it is free at once."""

    def __init__(self, days: int) -> None:
        self._hold_ms = days * _MS_PER_DAY

    def after(self, account: Account, user: User, now_ms: int) -> Held:
        """Tell what the account, about to become `user`, holds from now on."""
        left, taken = canonical(account.user.handle), canonical(user.handle)
        known = [each for each in account.former if each.canonical not in {left, taken}]
        if left != taken:
            known.append(FormerHandle(left, now_ms + self._hold_ms))
        held = [each for each in known if now_ms < each.held_until_ms][-MAX_FORMER_HANDLES:]
        return Held(tuple(held), _canonical(each for each in known if each not in held))


def _canonical(handles: Iterable[FormerHandle]) -> tuple[str, ...]:
    return tuple(each.canonical for each in handles)
