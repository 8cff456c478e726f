"""Who is known to read their timeline, so that the store need not be asked at each push."""

import time
from collections.abc import Callable

from services.platform.ids.recent_ids import RecentIds

__all__ = ["ActiveViewers"]

AGE_S = 30.0
"""Who is known as active is asked for again after twice this at the latest."""
MOST = 50_000
"""Viewers known in one generation, of two: some megabytes in all."""


class ActiveViewers(RecentIds):
    """Viewers whom the store called active a short while ago.

    Only those: who is not among them has to be asked for. A viewer who begins to read is marked in
    the store before their timeline is built from the authors' lists, and every push that comes
    later must see that mark, so that nobody may be remembered as inactive. To push to one who is
    inactive by now costs a few rows and is no fault: readers build anew a whole day before a viewer
    counts as inactive.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(AGE_S, MOST, monotonic)
