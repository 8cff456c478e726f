"""What an app is not told of what its user did: that for which the user gave it no scope."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from services.platform.drawing.pieces import BOOKMARKED, LIKED
from services.platform.rpc.end_user import ACT_ANY, SCOPE_KEY

__all__ = ["withheld_from"]

_SCOPES: Final = {"likes:read": LIKED, "bookmarks:read": BOOKMARKED}
"""Those that the lists of the same take. Retweets are shown to everybody."""


def withheld_from(metadata: Iterable[tuple[str, str | bytes]] | None) -> int:
    """Give the bits of `pieces` that the token of a request from outside does not let see.

    None is withheld from siblings, and from internal jobs.
    """
    for key, value in metadata or ():
        if key == SCOPE_KEY:
            return _withheld(str(value))
    return 0


@lru_cache(maxsize=1_024)
def _withheld(scope: str) -> int:
    granted = scope.split()
    if ACT_ANY in granted:
        return 0
    return sum(bit for needed, bit in _SCOPES.items() if needed not in granted)
