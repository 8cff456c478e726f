"""A time limit for the current task that costs one timer, and no coroutine as `asyncio.timeout`."""

import asyncio

__all__ = ["Cut"]


class Cut:
    """Cancels the task that makes it once the time is up, unless it was ended before."""

    __slots__ = ("_before", "_expired", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        """Begin. Raises `RuntimeError` outside a task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cut")
        self._task = task
        self._before = task.cancelling()
        self._expired = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def was_it(self) -> bool:
        """Tell, of the `CancelledError` at hand, whether it was this limit and nobody else.

        If so the task is cancelled no longer. Ask once.
        """
        if not self._expired:
            return False
        self._expired = False
        return self._task.uncancel() <= self._before

    def end(self) -> None:
        """Let the task go on for as long as it likes; a cut that nobody noticed is taken back."""
        self._timer.cancel()
        if self._expired:
            self._expired = False
            self._task.uncancel()

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
