"""The celebrity threshold, which operators may move while the fan-out runs."""

from collections.abc import Callable

import structlog

from services.fanout.ports import ThresholdStore
from services.fanout.spec import CELEBRITY_THRESHOLD
from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.observability.log_events import EVENT_FANOUT_THRESHOLD_CHANGED
from services.platform.runtime.watched_value import POLL_EVERY_S, WatchedValue

__all__ = ["OperatedThreshold"]

FIRST_LOOK_S = 0.1
"""A first look takes milliseconds, so whoever asks before it asks again as soon."""
MAX_THRESHOLD = CELEBRITY_THRESHOLD.most
"""Followers."""

_log = structlog.get_logger()


class OperatedThreshold(WatchedValue[int | None]):
    """A `Threshold`: what operators have set, else the flag, else the process's setting.

    An operator comes first: what somebody does by hand in an incident must hold.
    """

    def __init__(
        self,
        store: ThresholdStore,
        setting: int,
        flag: Callable[[], int | None] = lambda: None,
        *,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        super().__init__("fanout-threshold", store.load, self._report, poll_every_s=poll_every_s)
        self._store = store
        self._setting = setting
        self._flag = flag

    @property
    def default(self) -> int:
        """What is in force when no operator has set anything."""
        flagged = self._flag()
        return self._setting if flagged is None else flagged

    @property
    def in_force(self) -> int:
        """What this process goes by, as far as it knows; for people."""
        return self.default if self.value is None else self.value

    @property
    def source(self) -> str:
        """What has set the threshold in force: operator, flag or setting."""
        if self.value is not None:
            return "operator"
        return "setting" if self._flag() is None else "flag"

    def followers(self) -> int:
        """Give what is in force; `UnavailableError` until what operators have set was read once.

        A restart must not decide of a single tweet by another threshold.
        """
        if not self.is_known:
            raise UnavailableError(
                "the threshold that operators have set is not known yet",
                retry_after_s=FIRST_LOOK_S,
            )
        return self.in_force

    async def set(self, followers: int) -> None:
        """Push tweets of authors with up to this many; 0 goes back to the processes' settings.

        Raises `InvalidArgumentError` (`followers`), and `UnavailableError` where it may have been
        set all the same.
        """
        if not 0 <= followers <= MAX_THRESHOLD:
            raise InvalidArgumentError(
                "followers", f"must be 1 to {MAX_THRESHOLD}, or 0 for the default, got {followers}"
            )
        await self.change(lambda: self._store.set_threshold(followers or None))

    def _report(self, _stored: int | None) -> None:
        _log.info(EVENT_FANOUT_THRESHOLD_CHANGED, threshold=self.in_force, source=self.source)
