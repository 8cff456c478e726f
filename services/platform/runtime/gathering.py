"""Asking once for many: what callers want at the same time goes out in one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Final, Generic, TypeVar

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import without_deadline
from services.platform.runtime.joined import answered, fail, give

__all__ = ["LINGER_S", "Gathering"]

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")

LINGER_S: Final = 0.02
"""Longest that a caller waits for a call before its own to end, in seconds: one that hangs must
hold up nobody else."""
LONGEST_S: Final = 60.0
"""Of a wait outside any deadline; a call bounds itself."""


class Gathering(Generic[Wanted, Found]):
    """Answers callers by calls that each are for all who came since the one before was made.

    While no call is under way one is made at once, so that who is alone waits for nobody; what
    comes meanwhile waits for its end, or for `LINGER_S`. Nobody gets what was read before they
    asked. For one event loop.

    A call has no deadline of a caller's, since it is for many: it must bound itself. It runs in the
    context of the first of them, so it is in that one's trace.
    """

    def __init__(
        self, call: Callable[[Sequence[Wanted]], Awaitable[Sequence[Found]]], *, most: int
    ) -> None:
        """Make calls for at most `most` callers; their answers come in the order of the wants."""
        self._call = call
        self._most = most
        self._waiting: list[tuple[Wanted, asyncio.Future[Found]]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._postponed: tuple[asyncio.TimerHandle, Context] | None = None

    async def get(self, wanted: Wanted) -> Found:
        """Give the answer to this want.

        Raises what the call raises, and `UnavailableError` once the caller's deadline is near.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found] = loop.create_future()
        self._waiting.append((wanted, answer))
        if len(self._waiting) == 1:
            context = without_deadline()
            if self._calls:
                timer = loop.call_later(LINGER_S, self._begin, context)
                self._postponed = (timer, context)
            else:
                self._begin(context)
        return await answered(answer, LONGEST_S, "no answer in time")

    def _begin(self, context: Context) -> None:
        if self._postponed is not None:
            self._postponed[0].cancel()
            self._postponed = None
        # It begins in the next turn of the loop, with all who ask in this one.
        task = asyncio.get_running_loop().create_task(self._run(), context=context)
        self._calls.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if self._postponed is not None:
            self._begin(self._postponed[1])

    async def _run(self) -> None:
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if self._waiting:
            self._begin(copy_context())
        # Without those who gave up.
        batch = [each for each in batch if not each[1].done()]
        if not batch:
            return
        try:
            found = await self._call([wanted for wanted, _ in batch])
            answers = list(zip(batch, found, strict=True))
        except Exception as error:  # noqa: BLE001 - every error belongs to the waiting callers
            _fail(batch, error)
        except BaseException:
            _fail(batch, UnavailableError("the process is ending"))
            raise
        else:
            for (_, answer), each in answers:
                give(answer, each)


def _fail(batch: Sequence[tuple[object, asyncio.Future[Found]]], error: Exception) -> None:
    for _, answer in batch:
        fail(answer, error)
